"""Makes the environments known to PettingZoo and Gymnasium."""

import gymnasium
import pettingzoo

NAMESPACE = "llm_game_env"
ENVIRONMENTS = ("red_team_v0", "jailbreak_v0", "matrix_v0")
# Gymnasium's name -> the module, and the agent that learns.
SEATS = {
    "RedTeamAdversary-v0": ("red_team_v0", "adversary_0"),
    "RedTeamDefender-v0": ("red_team_v0", "defender_0"),
    "JailbreakAdversary-v0": ("jailbreak_v0", "adversary_0"),
    "JailbreakDefender-v0": ("jailbreak_v0", "defender_0"),
}


def register_with_pettingzoo() -> None:
    """Registers every environment, for `pettingzoo.make`; nothing before PettingZoo 1.27."""
    if not hasattr(pettingzoo, "register"):
        return
    for name in ENVIRONMENTS:
        known_as, module = f"{NAMESPACE}/{name}", f"{NAMESPACE}.{name}"
        # It writes -v0 for _v0, and warns of what is registered twice.
        if known_as.replace("_v", "-v") not in pettingzoo.aec_registry:
            pettingzoo.register("aec", known_as, f"{module}:env")
            pettingzoo.register("parallel", known_as, f"{module}:parallel_env")


def register_with_gymnasium() -> None:
    """Registers the single-agent views, for `gymnasium.make` and `gymnasium.make_vec`."""
    for name, (module, agent) in SEATS.items():
        known_as = f"{NAMESPACE}/{name}"
        if known_as not in gymnasium.registry:
            gymnasium.register(
                known_as,
                entry_point=f"{NAMESPACE}.{module}:single_agent_env",
                vector_entry_point=f"{NAMESPACE}.{module}:single_agent_vector_env",
                kwargs={"agent": agent},
            )

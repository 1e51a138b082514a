"""Makes the environments known to PettingZoo under `llm_game_env/<name>_v0`."""

import pettingzoo

NAMESPACE = "llm_game_env"
ENVIRONMENTS = ("red_team_v0", "jailbreak_v0", "matrix_v0")


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

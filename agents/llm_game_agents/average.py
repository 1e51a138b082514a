"""The average policy of a run: what the theorems about self-play speak of, to play and to keep.

PATH/
  weights.json        probability of every state, oldest first
  0/ 1/ …             the states, as Hugging Face folders
"""

import json
from os import PathLike
from pathlib import Path

import torch

from llm_game_agents.gpo import GPO
from llm_game_agents.opponents import snapshot
from llm_game_agents.policy import LanguagePolicy
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer, MixturePlayer

WEIGHTS_FILE = "weights.json"


def average_policy(run: GPO, agent: str) -> MixturePlayer:
    """The states of an agent that a run has kept and the latest one, each as likely as any other.

    In a game of one turn this is the average of Theorem 3.2 of Zheng et al. 2024, over the states
    at the beginning of each of the agent's stages rather than over all updates. States are kept
    where opponents want them: `UniformPast`, `MetaNash`, or `LatestAndPast` with a share above 0.

    Args:
        run: begun or finished.
        agent: whose policy is wanted, a `LanguagePolicy`.

    Raises:
        ConfigurationError: there is no such agent, it cannot learn, or nothing of it was kept.
    """
    policy = run.players.get(agent)
    if not isinstance(policy, LanguagePolicy):
        learners = [name for name, one in run.players.items() if isinstance(one, LanguagePolicy)]
        raise ConfigurationError(
            f"agent={agent!r} has no average policy; choose a LanguagePolicy among {learners}"
        )
    kept = run.matchmaker.past[agent]
    if not kept:
        raise ConfigurationError(
            f"the run has kept no earlier state of {agent}; let the other player meet them, say by "
            "UniformPast()"
        )
    players = [state.player for state in kept]
    # A stage that has had no update yet has kept the latest state already.
    if run.learners[agent].num_updates != kept[-1].updates:
        players.append(snapshot(policy))
    return MixturePlayer(players)


def save_mixture(mixture: MixturePlayer, path: str | PathLike[str]) -> None:
    """Writes a mixture of language models; see the module's docstring.

    Raises:
        ConfigurationError: one of the players is no `CausalLMPlayer`.
    """
    folder = Path(path)
    models = [player for player in mixture.players if isinstance(player, CausalLMPlayer)]
    if len(models) < len(mixture.players):
        kinds = sorted({type(player).__name__ for player in mixture.players})
        raise ConfigurationError(f"a mixture of {kinds} cannot be saved; mix CausalLMPlayers alone")
    folder.mkdir(parents=True, exist_ok=True)
    for index, player in enumerate(models):
        player.save(folder / str(index))
    record = {
        "weights": mixture.weights.tolist(),
        "temperatures": [player.temperature for player in models],
    }
    (folder / WEIGHTS_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def load_mixture(path: str | PathLike[str], *, device: str | torch.device = "cpu") -> MixturePlayer:
    """Opens what `save_mixture` wrote.

    Raises:
        ConfigurationError: there is none at that path, or a state of it cannot be loaded.
    """
    folder = Path(path)
    try:
        record = json.loads((folder / WEIGHTS_FILE).read_text(encoding="utf-8"))
        weights, temperatures = record["weights"], record["temperatures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{str(path)!r} holds no mixture that can be read ({error}); give a folder that "
            "save_mixture wrote"
        ) from error
    players = [
        CausalLMPlayer.load(folder / str(index), device=device, temperature=temperature)
        for index, temperature in enumerate(temperatures)
    ]
    return MixturePlayer(players, weights)

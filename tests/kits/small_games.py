"""Games that are learned in seconds, and playing them until one player has."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.schedules import Stage
from llm_game_agents.update_rules import UpdateRule
from llm_game_env import red_team_v0
from llm_game_env.players import Player
from llm_game_env.rewards import Exchange, FunctionReward

BAR = 0.9
NUM_GAMES = 64
COLOUR_OF = {"sky": "blue", "grass": "green", "snow": "white", "coal": "black"}
WORDS = (*COLOUR_OF, *COLOUR_OF.values(), "key", "door")


class _Learned(Exception):
    """The bar has been beaten: no more updates are needed."""


def learn(
    function: Callable[[Sequence[Exchange]], Sequence[float]],
    stages: Iterable[Stage],
    *,
    rule: UpdateRule,
    adversary: Player,
    defender: Player,
    seed: int,
    **arguments: Any,
) -> tuple[float, float]:
    """Plays until the bar is beaten; the learner's success at first and at best.

    At first: in the first three updates, before much is learned. At best: the highest mean over
    five updates on end, 320 games. Success is the score of a game's last exchange, 1 - score for
    an adversary.
    """
    env = red_team_v0.vector_env(
        NUM_GAMES,
        seed_prompts=list(COLOUR_OF),
        reward_model=FunctionReward(function),
        instruction="{seed_prompt}",
        **arguments,
    )
    config = GPOConfig(
        defender=rule, adversary=rule, defender_max_tokens=2, adversary_max_tokens=2, seed=seed
    )
    successes: list[float] = []

    def note(iteration: Iteration) -> None:
        score = float(np.mean([e.score for e in iteration.exchanges[-NUM_GAMES:]]))
        successes.append(score if iteration.stage.kind == "defend" else 1.0 - score)
        if np.mean(successes[-5:]) > BAR:
            raise _Learned

    with suppress(_Learned):
        GPO(env, adversary, defender, config, stages).learn(note)
    means = np.convolve(successes, np.full(5, 0.2), "valid")
    return float(np.mean(successes[:3])), float(means.max())

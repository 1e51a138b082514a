"""The game in which either side picks one of its states: what they earn against each other."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.processes import ALONE, Processes
from llm_game_agents.rollout import collect
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER
from llm_game_env.vector import VectorGame

_META_SEED = 1 << 32  # Added to the run's seed: games that only measure have draws of their own.


class State(NamedTuple):
    """One player at one time.

    Attributes:
        updates: that it had had; says which state of the player it is.
        player: as it was then.
    """

    updates: int
    player: Player


Play = Callable[[Player, Player, int, int], float]
"""`play(adversary, defender, games, index)`: the defender's mean score; `index` keys the draws."""


def mean_score(
    env: VectorGame,
    config: GPOConfig,
    adversary: Player,
    defender: Player,
    games: int,
    index: int,
    processes: Processes = ALONE,
) -> float:
    """Mean score of a defender against an adversary; nothing is learnt or remembered.

    Args:
        env: its games are played in whole batches.
        config: of the run that wants to know.
        adversary, defender: who meet.
        games: to be played at least.
        index: of the meeting; keys its draws.
        processes: that all play these games, see `collect`.
    """
    scores: list[float] = []
    for batch in range(math.ceil(games / env.num_envs)):
        rollout = collect(
            env,
            {AGENTS[ADVERSARY]: adversary, AGENTS[DEFENDER]: defender},
            config.max_tokens,
            seed=config.seed + _META_SEED + batch,
            iteration=index,
            options={"freeze_history": True},
            processes=processes,
        )
        scores += [exchange.score for exchange in rollout.exchanges]
    return float(np.mean(scores))


class MetaGame:
    """Mean scores of the defender, for every pair of states that have met."""

    def __init__(self) -> None:
        self._scores: dict[tuple[int, int], float] = {}

    def scores(
        self, adversaries: Sequence[State], defenders: Sequence[State], play: Play, games: int
    ) -> np.ndarray:
        """The defender's mean scores, float64 [A, D]; pairs that have not met play now."""
        for adversary in adversaries:
            for defender in defenders:
                pair = adversary.updates, defender.updates
                if pair not in self._scores:
                    index = len(self._scores)
                    self._scores[pair] = play(adversary.player, defender.player, games, index)
        return np.array(
            [[self._scores[a.updates, d.updates] for d in defenders] for a in adversaries]
        )

    def state_dict(self) -> list[tuple[int, int, float]]:
        """(adversary's updates, defender's updates, score) of every pair."""
        return [(*pair, score) for pair, score in self._scores.items()]

    def load_state_dict(self, state: Sequence[Sequence[float]]) -> None:
        """Takes up what `state_dict` gave."""
        self._scores = {(int(a), int(d)): float(score) for a, d, score in state}

"""Whom a learner plays: the other player as it stands, or as it was at earlier stages too.

A new rule is a small class with `shares`; `GPO` keeps the players as they were, the rule says how
much of a batch each of them plays.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from llm_game_agents.policy import LanguagePolicy
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player


class Opponents(Protocol):
    """How much of a batch each state of the other player plays."""

    def shares(self, num_past: int) -> np.ndarray:
        """Probabilities, float [num_past + 1]: the past states, oldest first, then the latest.

        A state is kept whenever a stage of that player begins: the oldest is the player as given.
        """
        ...


@dataclass(frozen=True)
class LatestAndPast:
    """The latest state, and for a share of the games a past one, each as likely as any other.

    With a share of 0 this is GPO as printed (Zheng et al. 2024, Algorithm 1). With any more, the
    learner cannot unlearn its replies to what the other player has left off asking: the theorem
    behind GPO is about averages over all iterates (Theorem 3.2), not about the last one.

    Attributes:
        past_share: probability of a past state, in [0, 1]; where there is none yet, 0.
    """

    past_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.past_share <= 1:
            raise ConfigurationError(f"past_share={self.past_share!r} must be in [0, 1]")

    def shares(self, num_past: int) -> np.ndarray:
        """See `Opponents.shares`."""
        past_share = self.past_share if num_past else 0.0
        return np.append(np.full(num_past, past_share / max(1, num_past)), 1.0 - past_share)


@dataclass(frozen=True)
class Lineup:
    """Several players, and which of them plays which game.

    Attributes:
        players: who plays.
        choice: int [num_envs], index of the player of each game.
    """

    players: Sequence[Player]
    choice: np.ndarray


def line_up(
    opponents: Opponents, past: Sequence[Player], latest: Player, rng: np.random.Generator, num: int
) -> Lineup:
    """Draws who plays each of `num` games."""
    shares = opponents.shares(len(past))
    return Lineup([*past, latest], rng.choice(len(shares), size=num, p=shares))


def snapshot(policy: LanguagePolicy) -> CausalLMPlayer:
    """The policy as it stands, as a player that learns no more."""
    player = copy.copy(policy.player)
    player.model = copy.deepcopy(policy.player.model).requires_grad_(False)
    return player

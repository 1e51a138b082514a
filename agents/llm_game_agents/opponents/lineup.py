"""Who plays which game of a batch."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_game_agents.frozen import frozen_copy
from llm_game_agents.policy import LanguagePolicy
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player


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
    players: Sequence[Player],
    shares: np.ndarray,
    rng: np.random.Generator,
    num_games: int,
    group_size: int = 1,
) -> Lineup:
    """Draws who plays each game; games of a group, which start alike, meet the same player.

    Args:
        players: M of them.
        shares: probabilities, float [M].
        rng: of the draws.
        num_games: a multiple of `group_size`.
        group_size: consecutive games that make a group.
    """
    drawn = rng.choice(len(shares), size=num_games // group_size, p=shares)
    return Lineup(players, drawn.repeat(group_size))


def snapshot(policy: LanguagePolicy) -> CausalLMPlayer:
    """The policy as it stands, as a player that learns no more."""
    player = copy.copy(policy.player)
    player.model = frozen_copy(policy.player.model, policy.computing.frozen_dtype)
    return player

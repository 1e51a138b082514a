"""The other player's part of an equilibrium among all states so far."""

from dataclasses import dataclass

import numpy as np

from llm_game_agents.opponents.protocol import Opponents, Population
from llm_game_env.errors import ConfigurationError
from llm_game_env.matrix.closed_form import make_matrix_game


@dataclass(frozen=True)
class MetaNash(Opponents):
    """PSRO (Lanctot et al. 2017, arXiv 1711.00832): the meta-game's equilibrium.

    Each stage trains a reply to the other player's part of the equilibrium of the zero-sum matrix
    game in which either side picks one of its states; its payoffs are means over games played.

    Attributes:
        games: played for each pair of states, in whole batches at least so many.
        floor: least share of every state, so that a state which the payoffs' noise has put to 0
            is met now and then; at most 1 / (number of states).
    """

    games: int = 256
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.games < 1:
            raise ConfigurationError(f"games={self.games} must be at least 1")
        if not 0 <= self.floor <= 1:
            raise ConfigurationError(f"floor={self.floor!r} must be in [0, 1]")

    @property
    def games_to_measure(self) -> int:
        """See `Opponents`."""
        return self.games

    def shares(self, population: Population) -> np.ndarray:
        """See `Opponents.shares`."""
        if population.payoffs is None:
            raise ConfigurationError("payoffs=None: a meta-game needs what its states earn")
        return mixed(meta_equilibrium(population.payoffs), self.floor)


def meta_equilibrium(payoffs: np.ndarray) -> np.ndarray:
    """The column player's part of an equilibrium, float [M].

    Args:
        payoffs: of the row player, who wants more, float [L, M].
    """
    # The columns are the adversary's choices, of which the other side sees nothing.
    information = np.zeros(payoffs.shape[1], dtype=np.int64)
    return make_matrix_game(payoffs.T, information).equilibrium.adversary


def mixed(shares: np.ndarray, floor: float) -> np.ndarray:
    """The shares with at least `floor` for each, as far as that can be."""
    floor = min(floor, 1.0 / len(shares))
    return floor + (1.0 - floor * len(shares)) * shares

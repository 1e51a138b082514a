"""Whom a learner plays: how much of a batch each state of the other player gets."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from llm_game_agents.recorded import Recorded


class Population(NamedTuple):
    """The states of the other player that a learner may meet.

    Attributes:
        num_past: how many earlier ones there are; a state is kept whenever a stage begins in which
            that player learns, the first being the player as given.
        payoffs: what the learner's states earn against them, float [L, num_past + 1], the latest
            state last on either side; None unless `games_to_measure`.
    """

    num_past: int
    payoffs: np.ndarray | None = None


@dataclass(frozen=True)
class Opponents(Recorded, ABC):
    """A way of choosing; a new one is a subclass with `shares`.

    Attributes:
        keeps_past: whether earlier states of the other player are to be kept.
        games_to_measure: to be played by each pair of states of either side, so that the choice
            can go by how they fare; 0 where it does not.
    """

    @property
    def keeps_past(self) -> bool:
        """See the class."""
        return True

    @property
    def games_to_measure(self) -> int:
        """See the class."""
        return 0

    @abstractmethod
    def shares(self, population: Population) -> np.ndarray:
        """Probabilities, float [num_past + 1]: the past states, oldest first, then the latest."""

"""The other player as it stands, and as it was."""

from dataclasses import dataclass

import numpy as np

from llm_game_agents.opponents.protocol import Opponents, Population
from llm_game_env.errors import ConfigurationError


@dataclass(frozen=True)
class LatestAndPast(Opponents):
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

    @property
    def keeps_past(self) -> bool:
        """Where they get a share."""
        return self.past_share > 0

    def shares(self, population: Population) -> np.ndarray:
        """See `Opponents.shares`."""
        num_past = population.num_past
        past_share = self.past_share if num_past else 0.0
        return np.append(np.full(num_past, past_share / max(1, num_past)), 1.0 - past_share)


@dataclass(frozen=True)
class UniformPast(Opponents):
    """Every state alike, the latest among them: fictitious self-play (Heinrich et al. 2015)."""

    def shares(self, population: Population) -> np.ndarray:
        """See `Opponents.shares`."""
        return np.full(population.num_past + 1, 1.0 / (population.num_past + 1))

"""Several reward models as one."""

from collections.abc import Sequence

import numpy as np

from llm_game_env.checks import brief, check_finite
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards.protocol import (
    ChecksPrompts,
    Exchange,
    RewardModel,
    is_not_blank,
    scores_of,
)


class WeightedSum:
    """Σ weight · score of several reward models.

    Args:
        components: (reward model, weight) pairs, at least one; weights are above 0, since a model
            declares its highest score and not its lowest.

    Attributes:
        best: Σ weight · best.

    Raises:
        ConfigurationError: there is no component, one is no reward model, or a weight is not
            above 0 and finite.
    """

    def __init__(self, components: Sequence[tuple[RewardModel, float]]) -> None:
        self.components = tuple((model, float(weight)) for model, weight in components)
        if not self.components:
            raise ConfigurationError("components=() must hold at least one reward model")
        for model, weight in self.components:
            if not isinstance(model, RewardModel):
                raise ConfigurationError(f"components: {brief(model)} must be a reward model")
            if check_finite("weight", weight) <= 0:
                raise ConfigurationError(f"weight={weight!r} must be above 0")
        self.best = sum(weight * model.best for model, weight in self.components)

    def is_well_formed(self, prompt: str) -> bool:
        """Whether every component can score the prompt; a blank one only a component may allow."""
        checks = [model for model, _ in self.components if isinstance(model, ChecksPrompts)]
        if not checks:
            return is_not_blank(prompt)
        return all(model.is_well_formed(prompt) for model in checks)

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """The weighted sum, float32 [N], added up in float64.

        Raises:
            RewardError: a component returned the wrong shape, or a number that is not finite.
        """
        total = np.zeros(len(exchanges))
        for model, weight in self.components:
            total += weight * np.array(scores_of(model, exchanges))
        return total.astype(np.float32)

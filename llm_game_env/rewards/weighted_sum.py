"""Several reward models as one."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from llm_game_env.checks import brief, check_finite
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards.protocol import (
    Breakdown,
    ChecksPrompts,
    Exchange,
    RewardModel,
    as_float32,
    is_not_blank,
    scores_of,
)

Weighted: TypeAlias = tuple[RewardModel, float]


class WeightedSum:
    """Σ weight · score of several reward models.

    The infos of a game report what each component says, before weighting, as `score_<name>`.

    Args:
        components: at least one (reward model, weight) pair; weights are above 0, since a model
            declares its highest score and not its lowest. A mapping names them; in a sequence
            their names are "0", "1", …

    Attributes:
        best: Σ weight · best.
        component_names, component_bests: see `HasComponents`.

    Raises:
        ConfigurationError: there is no component, one is no reward model, a weight is not above 0
            and finite, or a name is no word of letters, digits and underscores.
    """

    def __init__(self, components: Mapping[str, Weighted] | Sequence[Weighted]) -> None:
        if not isinstance(components, Mapping):
            components = {str(place): pair for place, pair in enumerate(components)}
        if not components:
            raise ConfigurationError(f"components={components!r} must hold a reward model")
        for name, (model, weight) in components.items():
            if not (isinstance(name, str) and name and f"score_{name}".isidentifier()):
                raise ConfigurationError(
                    f"components: the name {brief(name)} must be letters, digits and underscores, "
                    "since the infos have it as a key"
                )
            if not isinstance(model, RewardModel):
                raise ConfigurationError(f"components: {brief(model)} must be a reward model")
            if check_finite("weight", weight) <= 0:
                raise ConfigurationError(f"weight={weight!r} must be above 0")
        self.components = tuple((model, float(weight)) for model, weight in components.values())
        self.component_names = tuple(components)
        self.component_bests = tuple(float(model.best) for model, _ in self.components)
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
        return self.score_in_parts(exchanges).scores

    def score_in_parts(self, exchanges: Sequence[Exchange]) -> Breakdown:
        """As `score`, with the scores of the components; errors as there."""
        columns = [scores_of(model, exchanges) for model, _ in self.components]
        components = np.array(columns, dtype=np.float32).T
        weights = np.array([weight for _, weight in self.components])
        return Breakdown(as_float32(components @ weights), components)

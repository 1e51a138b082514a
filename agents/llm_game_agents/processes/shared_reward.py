"""A reward model whose work is shared out among processes."""

from collections.abc import Sequence

import numpy as np

from llm_game_agents.processes.protocol import Processes
from llm_game_env.rewards.protocol import (
    Breakdown,
    ChecksPrompts,
    Exchange,
    HasComponents,
    RewardModel,
    as_float32,
    breakdown_of,
    is_not_blank,
    scores_of,
)


def shared_reward(model: RewardModel, processes: Processes) -> RewardModel:
    """The same scores, each exchange scored by one process; of one process the model as it is.

    A reward model that draws, or that calls an endpoint, gives every process the same scores by it.

    Args:
        model: equal on all processes.
        processes: all of them ask for the same exchanges at the same time.
    """
    if processes.count == 1:
        return model
    if isinstance(model, HasComponents):
        return _SharedSum(model, model, processes)
    return _Shared(model, processes)


class _Shared:
    def __init__(self, model: RewardModel, processes: Processes) -> None:
        self.best = model.best
        self._model = model
        self._processes = processes

    def is_well_formed(self, prompt: str) -> bool:
        """What the model says, or the game where the model does not check prompts."""
        if isinstance(self._model, ChecksPrompts):
            return self._model.is_well_formed(prompt)
        return is_not_blank(prompt)

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Scores, float32 [N]; what the model raises on one process is raised on all."""
        return as_float32(
            self._processes.share_out(
                len(exchanges), lambda own: scores_of(self._model, exchanges[own])
            )
        )


class _SharedSum(_Shared):
    def __init__(self, model: RewardModel, parts: HasComponents, processes: Processes) -> None:
        super().__init__(model, processes)
        self._parts = parts
        self.component_names = parts.component_names
        self.component_bests = parts.component_bests

    def score_in_parts(self, exchanges: Sequence[Exchange]) -> Breakdown:
        """The scores that `score` gives, and those of the components, float32 [N, C]."""
        rows = self._processes.share_out(
            len(exchanges),
            lambda own: list(zip(*breakdown_of(self._parts, exchanges[own]), strict=True)),
        )
        scores, components = zip(*rows, strict=True)
        return Breakdown(as_float32(scores), as_float32(components))

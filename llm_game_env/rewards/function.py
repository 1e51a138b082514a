"""Any Python callable as a reward model."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from llm_game_env.checks import brief, check_finite
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards.protocol import Exchange, as_float32


def check_callable(name: str, function: object) -> None:
    """Refuses what cannot be called.

    Raises:
        ConfigurationError: it cannot.
    """
    if not callable(function):
        raise ConfigurationError(f"{name}={brief(function)} must be a function")


def check_picklable(kind: str, function: Callable[..., Any]) -> None:
    """Refuses a function that a pickled environment cannot take along.

    Raises:
        ConfigurationError: it cannot be pickled.
    """
    try:
        pickle.dumps(function)
    except Exception as error:  # Whatever the function holds decides what is raised.
        raise ConfigurationError(
            f"the {kind} function {function!r} cannot be pickled ({error}); define it at the top "
            "level of a module"
        ) from error


class FunctionReward:
    """Wraps a function from exchanges to scores.

    Args:
        function: takes N exchanges, returns N numbers; higher is better for the defender.
        best: the highest score it can give.

    Raises:
        ConfigurationError: one is no function, or the other no finite number.
    """

    def __init__(
        self, function: Callable[[Sequence[Exchange]], Sequence[float]], best: float = 1.0
    ) -> None:
        check_callable("function", function)
        self.function = function
        self.best = check_finite("best", best)

    def __reduce__(self) -> tuple[Any, ...]:
        check_picklable("reward", self.function)
        return type(self), (self.function, self.best)

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """What the function returned, float32 [N]."""
        return as_float32(self.function(exchanges))

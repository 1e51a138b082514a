"""Every error this package raises on purpose.

    GameError
    ├── ConfigurationError (ValueError)   an argument, a file or a model that cannot be used
    │   └── SeedPromptError               seed prompts that cannot be read, with the line
    ├── IllegalAction (ValueError)        a move outside the action space
    ├── BudgetSpent                       turns beyond what was to be played
    ├── RewardError                       a reward model that returned something unusable
    ├── EndpointError                     requests that an endpoint did not answer
    └── TrainingError                     an update that cannot be made

A message names the argument, the value and the remedy.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class GameError(Exception):
    """Base of all errors raised on purpose by this package."""


class ConfigurationError(GameError, ValueError):
    """An argument, a file or a model that cannot be used; raised before work starts."""


class SeedPromptError(ConfigurationError):
    """Seed prompts that are missing, empty or malformed; names the file and the line."""


class IllegalAction(GameError, ValueError):
    """A move outside the action space. The game is left exactly as it was.

    Attributes:
        rows: the rows of the batch whose moves were refused ([0] in a single game).
    """

    def __init__(self, message: str, rows: Sequence[int] = (0,)) -> None:
        super().__init__(message)
        self.rows = tuple(rows)

    def __reduce__(self) -> tuple[type["IllegalAction"], tuple[str, tuple[int, ...]]]:
        return type(self), (str(self), self.rows)


class BudgetSpent(GameError):
    """Turns beyond a `TurnBudget`. The games are left exactly as they were."""


class RewardError(GameError):
    """A reward model returned the wrong number of scores, or one that is not finite."""


class EndpointError(GameError):
    """An endpoint left requests of a batch without an answer, after all retries.

    Attributes:
        completed: row of the batch -> the answer, or the score, that had arrived; paid for, so not
            to be lost.
        failed: row of the batch -> why it has none.
    """

    def __init__(
        self, message: str, completed: Mapping[int, Any], failed: Mapping[int, str]
    ) -> None:
        super().__init__(message)
        self.completed = dict(completed)
        self.failed = dict(failed)

    def __reduce__(
        self,
    ) -> tuple[type["EndpointError"], tuple[str, dict[int, Any], dict[int, str]]]:
        return type(self), (str(self), self.completed, self.failed)


class TrainingError(GameError):
    """An update that cannot be made, such as one with a gradient that is not finite."""

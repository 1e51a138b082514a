"""Every error this package raises on purpose.

    GameError
    ├── ConfigurationError (ValueError)   an argument, a file or a model that cannot be used
    │   └── SeedPromptError               seed prompts that cannot be read, with the line
    ├── IllegalAction (ValueError)        a move outside the action space
    ├── RewardError                       a reward model that returned something unusable
    └── TrainingError                     an update that cannot be made

A message names the argument, the value and the remedy.
"""

from collections.abc import Sequence


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


class RewardError(GameError):
    """A reward model returned the wrong number of scores, or one that is not finite."""


class TrainingError(GameError):
    """An update that cannot be made, such as one with a gradient that is not finite."""

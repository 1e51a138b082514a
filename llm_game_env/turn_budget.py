"""How many turns may be played in all, so that what is compared has played equally much."""

from typing import NoReturn

from llm_game_env.checks import check_whole
from llm_game_env.errors import BudgetSpent, ConfigurationError


class TurnBudget:
    """Counts the turns of all environments that were made with it, and refuses those beyond.

    A turn is one exchange, also one whose prompt is malformed. A step that would complete more
    exchanges than are left is refused as a whole: the games stay as they are, and what is left
    stays unused.

    It counts within one process: it cannot be pickled, and a copy is the budget itself.

    Args:
        limit: turns in all, at least 1.

    Attributes:
        limit: see above.
        spent: turns that were played, in [0, limit].

    Raises:
        ConfigurationError: the limit is no whole number of at least 1.
    """

    def __init__(self, limit: int) -> None:
        self.limit = check_whole("limit", limit)
        self.spent = 0

    @property
    def left(self) -> int:
        """Turns that may still be played."""
        return self.limit - self.spent

    def refuse_beyond(self, turns: int) -> None:
        """Raises BudgetSpent where fewer turns are left; nothing is spent."""
        if turns > self.left:
            raise BudgetSpent(
                f"{turns} more turns are not to be had: {self.spent} of {self.limit} are spent; "
                "stop here, or step fewer games at once"
            )

    def spend(self, turns: int) -> None:
        """Counts turns that were played."""
        self.spent += turns

    def __deepcopy__(self, memo: object) -> "TurnBudget":
        return self

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            f"budget={self.limit} counts within one process, and cannot be sent to another; play "
            "there with a budget of its own"
        )

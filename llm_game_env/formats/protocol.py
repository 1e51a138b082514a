"""What every form of actions and observations does for the views of the game."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np


class ActionFormat(Protocol):
    """Turns actions into the messages of a game, and its rows into observations.

    A view asks `messages` what its actions complete, plays that, and tells the outcome: `begin` for
    rows whose message was played, `extend` for rows whose message goes on.

    Attributes:
        observation_spaces, action_spaces: by agent; the same objects for the format's life.
    """

    observation_spaces: dict[str, Any]
    action_spaces: dict[str, Any]

    def messages(self, rows: Sequence[int], actions: Sequence[Any]) -> Sequence[str | None]:
        """The message that each action completes, None where it goes on. Changes nothing.

        Raises:
            IllegalAction: an action outside the space, or masked; names the rows.
        """
        ...

    def begin(self, rows: Sequence[int]) -> None:
        """The rows' dialogues have changed, and their next messages begin."""
        ...

    def extend(self, rows: Sequence[int], actions: Sequence[Any]) -> None:
        """Takes up actions that complete no message."""
        ...

    def observe(self, row: int, agent: int, *, waiting: bool = False) -> dict[str, Any]:
        """One row as the agent sees it.

        Args:
            row: of the game.
            agent: ADVERSARY or DEFENDER.
            waiting: the agent to move has completed its message, which is not played yet.
        """
        ...

    def observe_all(self, agent: int, waiting: np.ndarray) -> Any:
        """Every row as the agent sees it; `waiting`, bool [N], is that of `observe`."""
        ...

"""The actions of several games, as a step of all of them takes them."""

from collections.abc import Mapping, Set
from contextlib import suppress
from typing import Any

from llm_game_env.errors import IllegalAction


def check_batch(actions: Any, num_rows: int) -> None:
    """Refuses what is no list of one action a game; arrays and tensors are lists too.

    Raises:
        IllegalAction: names all rows.
    """
    count = None
    # A string would be a list of messages of one character each.
    if not isinstance(actions, str | bytes | Mapping | Set):
        with suppress(TypeError):  # a number, None, an array without dimensions
            count = len(actions)
    if count != num_rows:
        got = f"a {type(actions).__name__}" if count is None else f"{count} actions"
        raise IllegalAction(
            f"{got} for {num_rows} games; send a list with one action a game (anything, None "
            "included, where a game has ended)",
            rows=range(num_rows),
        )

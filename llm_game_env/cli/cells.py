"""Numbers as the cells of a table: shares in per cent, with their intervals."""

import math
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from llm_game_env.evaluation.intervals import Interval, Proportion
from llm_game_env.rendering import printable

NOTHING = "–"
_WIDE = 160


def share(proportion: Proportion | None) -> str:
    """A share in per cent and its interval; a dash where it is unknown."""
    if proportion is None or not proportion.trials:
        return NOTHING
    low, high = 100 * proportion.low, 100 * proportion.high
    return f"{100 * proportion.share:.1f} [{low:.1f}, {high:.1f}]"


def mean(interval: Interval | None) -> str:
    """A mean and its interval; a dash where there is none."""
    if interval is None:
        return NOTHING
    if not interval.is_known:
        return f"{interval.mean:.2f}"
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def number(value: float | None, digits: int = 2) -> str:
    """A number; a dash where there is none."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def add_row(table: Table, *cells: str) -> None:
    """Adds a row in which nothing is markup: names come from files and models."""
    table.add_row(*(Text(printable(cell)) for cell in cells))


def show(table: Table) -> None:
    """Prints a table as wide as the terminal, and wide enough for anything elsewhere."""
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)

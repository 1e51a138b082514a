"""Tables of the report: cells with intervals, and what stands in CSV."""

import csv
import io
from dataclasses import dataclass
from typing import Literal

from llm_game_env.evaluation.intervals import Interval, wilson

Value = str | int | float | None
Unit = Literal["percent", "whole", "number"]


@dataclass(frozen=True)
class Cell:
    """A number with its interval.

    Attributes:
        value: the number.
        low, high: ends of its 95 % interval; None where none is known.
        trials: how many it is a share or a mean of; None where it is neither.
        unit: how it is shown: in per cent, as a whole number, or with two digits.
    """

    value: float
    low: float | None = None
    high: float | None = None
    trials: int | None = None
    unit: Unit = "percent"

    @property
    def text(self) -> str:
        """The number as people read it."""
        return self._shown(self.value)

    @property
    def interval(self) -> str:
        """The interval as people read it; "" where none is known."""
        if self.low is None or self.high is None:
            return ""
        return f"{self._shown(self.low)} to {self._shown(self.high)}"

    def _shown(self, number: float) -> str:
        if self.unit == "percent":
            return f"{100 * number:.0f}"
        return f"{number:,.0f}" if self.unit == "whole" else f"{number:.2f}"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: above it.
        meaning: what its numbers are, in a sentence.
    """

    title: str
    meaning: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        run, arm: whose numbers these are.
        cells: one a column; None where there is no number.
    """

    run: str
    arm: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Table:
    """Numbers of several arms side by side.

    Attributes:
        columns: those of the cells.
        rows: one an arm.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def without_empty_columns(self) -> "Table":
        """The columns in which there is any number."""
        kept = [
            i
            for i in range(len(self.columns))
            if any(row.cells[i] is not None for row in self.rows)
        ]
        rows = [Row(row.run, row.arm, tuple(row.cells[i] for i in kept)) for row in self.rows]
        return Table(tuple(self.columns[i] for i in kept), tuple(rows))

    def as_data(self) -> "Data":
        """One line a number, with its interval."""
        return Data(
            ("run", "arm", "measure", "value", "low", "high", "trials"),
            tuple(
                (row.run, row.arm, column.title, cell.value, cell.low, cell.high, cell.trials)
                for row in self.rows
                for column, cell in zip(self.columns, row.cells, strict=True)
                if cell is not None
            ),
        )


@dataclass(frozen=True)
class Data:
    """Plain values in rows.

    Attributes:
        columns: their names.
        rows: one value a column; None for a missing one.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def as_csv(self) -> str:
        """With a header, and empty cells for what is missing.

        A name that a spreadsheet would take for a formula gets an apostrophe before it.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_harmless(value) for value in row] for row in self.rows)
        return text.getvalue()


def share(successes: int, trials: int) -> Cell | None:
    """A share with Wilson's interval; None where nothing was tried."""
    if not trials:
        return None
    found = wilson(successes, trials)
    return Cell(found.share, found.low, found.high, trials)


def over_runs(interval: Interval, num_runs: int, unit: Unit) -> Cell:
    """A mean over runs with the interval of the mean; the runs are its trials."""
    ends = (interval.low, interval.high) if interval.is_known else (None, None)
    return Cell(interval.mean, *ends, num_runs, unit)


def _harmless(value: Value) -> Value:
    """Text that a spreadsheet would take for a formula, marked as text."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else value

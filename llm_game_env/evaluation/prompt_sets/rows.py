"""Rows of a published file, asked for by the names that its columns were published under."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_game_env.checks import brief
from llm_game_env.record_files import read_records, refuse

_FLAGS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


@dataclass(frozen=True)
class Layout:
    """How a set is published, for messages.

    Attributes:
        name: of the set.
        columns: those of its newest version.
        remedy: what to do about a column that is missing.
    """

    name: str
    columns: str
    remedy: str

    @classmethod
    def published(cls, name: str, columns: str, source: str) -> "Layout":
        """The layout of a set that others publish, at `source`."""
        remedy = (
            f"take the file of {source}, or read this one as a set of your own, by the names of "
            "its columns"
        )
        return cls(name, columns, remedy)


@dataclass(frozen=True)
class Row:
    """One row: its place, its values by column, and the layout that it should have."""

    where: str
    fields: Mapping[str, Any]
    layout: Layout

    def has(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self.fields

    def value(self, *names: str) -> Any:
        """The value of the first of these columns that the row has; None where the cell is empty.

        Raises:
            SeedPromptError: it has none of them.
        """
        known = next((name for name in names if name in self.fields), None)
        if known is None:
            refuse(
                self.where,
                f"no column {' or '.join(names)}, here are {brief(list(self.fields))}; "
                f"{self.layout.name} has {self.layout.columns}: {self.layout.remedy}",
            )
        return self.fields[known]

    def text(self, *names: str) -> str:
        """The text of such a column, "" where the cell is empty.

        Raises:
            SeedPromptError: there is no such column, or it holds something else than text.
        """
        value = self.value(*names)
        if value is not None and not isinstance(value, str):
            refuse(self.where, f"{names[0]}={brief(value)} must be text")
        return value or ""

    def flag(self, *names: str) -> bool:
        """The truth value of such a column: true or false, 1 or 0, in any case.

        Raises:
            SeedPromptError: there is no such column, or it holds something else.
        """
        value = self.value(*names)
        flag = _FLAGS.get(str(value).strip().lower())
        if flag is None:
            refuse(self.where, f"{names[0]}={brief(value)} must be true or false, or 1 or 0")
        return flag

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """The word of a column, one of the choices.

        Raises:
            SeedPromptError: there is no such column, or it holds something else.
        """
        word = self.text(name).strip()
        if word not in choices:
            refuse(self.where, f"{name}={brief(word)} must be one of {', '.join(choices)}")
        return word


def read_rows(path: str | os.PathLike[str], layout: Layout) -> list[Row]:
    """All rows of a file.

    Raises:
        SeedPromptError: the file cannot be read, or a record is none with columns.
        ConfigurationError: a Parquet file is given and pyarrow is not installed.
    """
    rows: list[Row] = []
    for where, record in read_records(path):
        if not isinstance(record, Mapping):
            refuse(where, f"got {brief(record)}, which has no columns; give {layout.columns}")
        rows.append(Row(where, record, layout))
    return rows

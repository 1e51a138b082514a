"""Prompt sets of one's own: any file, read by the names of its columns."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_game_env.checks import brief, check_choice
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.prompt_sets.prompt_set import KINDS, Entry, Kind, PromptSet, assemble
from llm_game_env.evaluation.prompt_sets.rows import Layout, Row, read_rows
from llm_game_env.record_files import refuse

_WORDS: Mapping[Kind, Sequence[str]] = {
    "harmful": ("harmful", "unsafe", "toxic"),
    "borderline": ("borderline",),
    "benign": ("benign", "safe"),
}


@dataclass(frozen=True)
class Columns:
    """Which column holds what.

    Attributes:
        prompt: the text to ask.
        label: the kind, in the words of `words`; None: all are of the kind `kind`.
        category, subset: see `SetPrompt`; None: all are "".
        id: a name, different in every row; None numbers the rows from 0 on.
        kind: of all prompts, where there is no column for it.
        words: kind -> how the column writes it, such as {"harmful": ["1"], "benign": ["0"]}; case
            does not matter.

    Raises:
        ConfigurationError: a kind is none, or a word stands for two kinds.
    """

    prompt: str = "prompt"
    label: str | None = None
    category: str | None = None
    subset: str | None = None
    id: str | None = None
    kind: Kind = "harmful"
    words: Mapping[Kind, Sequence[str]] = field(default_factory=lambda: _WORDS)

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        known: dict[str, Kind] = {}
        for kind, words in self.words.items():
            check_choice("words", kind, KINDS)
            for word in words:
                if known.setdefault(str(word).casefold(), kind) != kind:
                    raise ConfigurationError(
                        f"words: {word!r} stands for {known[str(word).casefold()]} and for {kind}; "
                        "let it stand for one"
                    )

    def kind_of(self, value: Any) -> Kind | None:
        """The kind that a cell names; None where it names none."""
        word = str(value).strip().casefold()
        for kind, words in self.words.items():
            if word in (str(known).casefold() for known in words):
                return kind
        return None


def load_columns(path: str | os.PathLike[str], columns: Columns | None = None) -> PromptSet:
    """A set of one's own, named as its file.

    Raises:
        SeedPromptError: a column is missing, or a label is none of the words.
    """
    columns = Columns() if columns is None else columns
    name = Path(path).name
    needed = (columns.prompt, columns.label, columns.category, columns.subset, columns.id)
    layout = Layout(name, ", ".join(filter(None, needed)), "name the columns as the file does")
    rows = read_rows(path, layout)
    return assemble(name, f"{path}", [_entry(row, columns) for row in rows])


def _entry(row: Row, columns: Columns) -> Entry:
    return Entry(
        row.where,
        row.text(columns.prompt),
        columns.kind if columns.label is None else _kind(row, columns, columns.label),
        category=_word(row, columns.category),
        id=None if columns.id is None else row.value(columns.id),
        subset=_word(row, columns.subset),
    )


def _kind(row: Row, columns: Columns, label: str) -> Kind:
    value = row.value(label)
    kind = columns.kind_of(value)
    if kind is None:
        words = {kind: list(words) for kind, words in columns.words.items()}
        refuse(row.where, f"{label}={brief(value)} is none of {brief(words)}; say which kind it is")
    return kind


def _word(row: Row, name: str | None) -> str:
    value = None if name is None else row.value(name)
    return "" if value is None else str(value)

"""The flags that name the columns of a prompt set of one's own."""

import argparse
from collections.abc import Sequence

from llm_game_env.evaluation.prompt_sets.columns import WORDS, Columns
from llm_game_env.evaluation.prompt_sets.prompt_set import KINDS, Kind

_OF = {
    "prompt": "holds the prompts (default: prompt)",
    "label": "says of which kind each prompt is (default: all are of --kind)",
    "category": "holds the category",
    "subset": "holds a second division",
    "id": "holds a name, different in every row (default: rows are numbered)",
}


def add_column_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that `columns_of` takes."""
    group = parser.add_argument_group("columns of --prompts columns:FILE")
    for name, what in _OF.items():
        group.add_argument(f"--{name}-column", metavar="NAME", help=f"the column that {what}")
    group.add_argument(
        "--kind",
        choices=KINDS,
        default="harmful",
        help="of all prompts, where no column says it (default: harmful)",
    )
    for kind in KINDS:
        group.add_argument(
            f"--{kind}-words",
            nargs="+",
            metavar="WORD",
            help=f"how the label column writes it (default: {' '.join(WORDS[kind])})",
        )


def columns_of(arguments: argparse.Namespace) -> Columns:
    """The columns that the flags name.

    Raises:
        ConfigurationError: a word stands for two kinds.
    """
    named = {name: getattr(arguments, f"{name}_column") for name in _OF}
    named = {name: column for name, column in named.items() if column is not None}
    words: dict[Kind, Sequence[str]] = {
        kind: getattr(arguments, f"{kind}_words") or WORDS[kind] for kind in KINDS
    }
    return Columns(kind=arguments.kind, words=words, **named)

"""A prompt set by the name of its layout."""

import os
from collections.abc import Callable, Mapping
from typing import TypeAlias

from llm_game_env.checks import check_choice
from llm_game_env.evaluation.prompt_sets.beavertails import load_beavertails
from llm_game_env.evaluation.prompt_sets.columns import Columns, load_columns
from llm_game_env.evaluation.prompt_sets.harmbench import load_harmbench
from llm_game_env.evaluation.prompt_sets.or_bench import load_or_bench
from llm_game_env.evaluation.prompt_sets.prompt_set import PromptSet
from llm_game_env.evaluation.prompt_sets.toxicchat import load_toxicchat
from llm_game_env.evaluation.prompt_sets.xstest import load_xstest

Loader: TypeAlias = Callable[[str | os.PathLike[str]], PromptSet]

LOADERS: Mapping[str, Loader] = {
    "harmbench": load_harmbench,
    "beavertails": load_beavertails,
    "xstest": load_xstest,
    "toxicchat": load_toxicchat,
    "or-bench": load_or_bench,
    "columns": load_columns,
}


def load_prompt_set(
    path: str | os.PathLike[str], layout: str = "columns", columns: Columns | None = None
) -> PromptSet:
    """Reads a local file; nothing is downloaded.

    Args:
        path: a `.json`, `.jsonl`, `.csv` or `.parquet` file.
        layout: a name in `LOADERS`; "columns" for a set of one's own.
        columns: the names of its columns, for the layout "columns" alone.

    Raises:
        SeedPromptError: the file cannot be read, or is not of that layout.
        ConfigurationError: there is no such layout, or pyarrow is needed and not installed.
    """
    check_choice("layout", layout, tuple(LOADERS))
    return load_columns(path, columns) if layout == "columns" else LOADERS[layout](path)

"""OR-Bench: prompts that look toxic and are not, and toxic ones (Cui et al. 2024).

arXiv 2405.20947; CC BY 4.0. Read from a local copy of a file of
huggingface.co/datasets/bench-llm/or-bench, each of which has the columns prompt and category:

| file | kind |
|---|---|
| `or-bench-80k.csv` | borderline |
| `or-bench-hard-1k.csv` | borderline: those that several large models refuse |
| `or-bench-toxic.csv` | harmful |

No column says which of them it is: the file's name does, or the argument `kind`.
"""

import os
from pathlib import Path

from llm_game_env.checks import check_choice
from llm_game_env.evaluation.prompt_sets.prompt_set import KINDS, Entry, Kind, PromptSet, assemble
from llm_game_env.evaluation.prompt_sets.rows import Layout, read_rows
from llm_game_env.record_files import refuse

LAYOUT = Layout.published(
    "OR-Bench", "prompt, category", "huggingface.co/datasets/bench-llm/or-bench"
)


def load_or_bench(path: str | os.PathLike[str], kind: Kind | None = None) -> PromptSet:
    """The prompts of one file; rows without a prompt are left out.

    Args:
        path: the file.
        kind: of all its prompts; None takes it from the file's name, as it is published.

    Raises:
        SeedPromptError: a column is missing, or the name says no kind and none is given.
        ConfigurationError: the kind is none.
    """
    if kind is None:
        kind = _kind_of(path)
    check_choice("kind", kind, KINDS)
    rows = read_rows(path, LAYOUT)
    entries = [
        Entry(row.where, row.text("prompt"), kind, row.text("category"), id=index)
        for index, row in enumerate(rows)
        if row.text("prompt").strip()
    ]
    return assemble("OR-Bench", f"{path}", entries, left_out=len(rows) - len(entries))


def _kind_of(path: str | os.PathLike[str]) -> Kind:
    name = Path(path).name.lower()
    if "toxic" in name:
        return "harmful"
    if "80k" not in name and "hard" not in name:
        refuse(
            f"{path}",
            "its name does not say which file of OR-Bench it is; name it as published "
            "(or-bench-80k.csv, or-bench-hard-1k.csv, or-bench-toxic.csv), or give "
            "kind='borderline' or 'harmful'",
        )
    return "borderline"

"""XSTest: safe prompts that look unsafe, and their unsafe contrasts (Röttger et al., NAACL 2024).

arXiv 2308.01263; CC BY 4.0. Read from a local copy of a file of
github.com/paul-rottger/exaggerated-safety, whose columns have changed:

| file | columns |
|---|---|
| `xstest_prompts.csv` (450 prompts) | id, prompt, type, label, focus, note |
| `xstest_v2_prompts.csv` (the same) | id_v1, id_v2, type, prompt, focus, note |
| `xstest_prompts_v1.csv`, `xstest_cases_v1.csv` (250, all safe) | id, type, prompt, focus, note |

The type is the category. A prompt is harmful where its label is unsafe or, in the versions without
labels, where its type begins with "contrast_", and borderline otherwise.
"""

import os

from llm_game_env.evaluation.prompt_sets.prompt_set import Entry, Kind, PromptSet, assemble
from llm_game_env.evaluation.prompt_sets.rows import Layout, Row, read_rows

LAYOUT = Layout.published(
    "XSTest",
    "id, prompt, type, label, focus, note",
    "github.com/paul-rottger/exaggerated-safety, xstest_prompts.csv",
)
_CONTRAST = "contrast_"


def load_xstest(path: str | os.PathLike[str]) -> PromptSet:
    """Safe prompts as borderline ones, unsafe contrasts as harmful ones.

    Raises:
        SeedPromptError: a column is missing, or a label is neither safe nor unsafe.
    """
    return assemble("XSTest", f"{path}", [_entry(row) for row in read_rows(path, LAYOUT)])


def _entry(row: Row) -> Entry:
    category = row.text("type")
    if row.has("label"):
        is_unsafe = row.choice("label", ("safe", "unsafe")) == "unsafe"
    else:
        is_unsafe = category.startswith(_CONTRAST)
    kind: Kind = "harmful" if is_unsafe else "borderline"
    return Entry(row.where, row.text("prompt"), kind, category, id=row.value("id", "id_v2"))

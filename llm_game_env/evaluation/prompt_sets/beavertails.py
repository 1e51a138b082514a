"""BeaverTails: questions with answers of a model, labelled by 14 harms (Ji et al. 2023).

arXiv 2307.04657; CC BY-NC 4.0. Read from a local copy of a file of
huggingface.co/datasets/PKU-Alignment:

| file | columns |
|---|---|
| `BeaverTails/round0/30k/test.jsonl.gz`, `…/330k/test.jsonl.xz`, and `train` | prompt, response, category, is_safe |
| `BeaverTails-Evaluation`, `v1/evaluation.jsonl.xz` (700 prompts) | prompt, category, category_id |

In the first, category is an object of 14 booleans, and both it and is_safe are of the *answer*, not
of the prompt, which stands there with several answers. A prompt counts as harmful, once, where any
answer to it was unsafe; its category is the harm that most of them were labelled with, the first
one of equals. The other prompts are left out: that all answers were safe does not say that the
prompt deserves one. In the second, category is the name of one harm, and every prompt is harmful.
"""  # noqa: E501 - a table's row is a line

import os
from collections import Counter
from collections.abc import Mapping

from llm_game_env.checks import brief
from llm_game_env.evaluation.prompt_sets.prompt_set import Entry, PromptSet, assemble
from llm_game_env.evaluation.prompt_sets.rows import Layout, Row, read_rows
from llm_game_env.record_files import refuse

LAYOUT = Layout.published(
    "BeaverTails",
    "prompt, response, category, is_safe (BeaverTails-Evaluation: prompt, category, category_id)",
    "huggingface.co/datasets/PKU-Alignment/BeaverTails or …/BeaverTails-Evaluation",
)


def load_beavertails(path: str | os.PathLike[str]) -> PromptSet:
    """The harmful prompts of either data set; an id is the number of the prompt's first row.

    Raises:
        SeedPromptError: a column is missing, or one holds something else than published.
    """
    rows = read_rows(path, LAYOUT)
    if rows and not rows[0].has("is_safe") and isinstance(rows[0].value("category"), str):
        entries = [
            Entry(row.where, row.text("prompt"), "harmful", row.text("category"), id=index)
            for index, row in enumerate(rows)
        ]
        return assemble("BeaverTails-Evaluation", f"{path}", entries)
    first: dict[str, int] = {}
    unsafe: dict[str, Counter[str]] = {}
    for index, row in enumerate(rows):
        prompt, harms = row.text("prompt"), _harms(row)
        first.setdefault(prompt, index)
        if not row.flag("is_safe"):
            unsafe.setdefault(prompt, Counter()).update(harms)
    entries = [
        Entry(rows[index].where, prompt, "harmful", _most(unsafe[prompt]), id=index)
        for prompt, index in first.items()
        if prompt in unsafe
    ]
    return assemble("BeaverTails", f"{path}", entries, left_out=len(first) - len(entries))


def _harms(row: Row) -> list[str]:
    harms = row.value("category")
    if not isinstance(harms, Mapping) or not all(isinstance(v, bool) for v in harms.values()):
        refuse(
            row.where,
            f"category={brief(harms)} must be an object of booleans by harm; take the JSON lines "
            "as published, or Parquet, not a table of texts",
        )
    return [name for name, applies in harms.items() if applies]


def _most(harms: Counter[str]) -> str:
    """The most frequent harm; "" where an unsafe answer was labelled with none."""
    return harms.most_common(1)[0][0] if harms else ""

"""HarmBench: harmful behaviours, some with a context (Mazeika et al. 2024, arXiv 2402.04249; MIT).

Read from a local copy of `data/behavior_datasets/harmbench_behaviors_text_all.csv`, `…_val.csv` or
`…_test.csv` of github.com/centerforaisafety/HarmBench:

| column | here |
|---|---|
| Behavior | the prompt |
| FunctionalCategory | the subset: standard, contextual or copyright |
| SemanticCategory | the category, such as cybercrime_intrusion |
| Tags | not used |
| ContextString | put before the behaviour, as in HarmBench's DirectRequest baseline |
| BehaviorID | the id |

All are harmful. HarmBench judges its copyright behaviours by comparing the answer with the work
(the tag hash_check). Other judges do not see that: read that subset's numbers with care.
"""

import os

from llm_game_env.evaluation.prompt_sets.prompt_set import Entry, PromptSet, assemble
from llm_game_env.evaluation.prompt_sets.rows import Layout, Row, read_rows
from llm_game_env.record_files import refuse

LAYOUT = Layout.published(
    "HarmBench",
    "Behavior, FunctionalCategory, SemanticCategory, Tags, ContextString, BehaviorID",
    "github.com/centerforaisafety/HarmBench, data/behavior_datasets",
)
_SUBSETS = ("standard", "contextual", "copyright")


def load_harmbench(path: str | os.PathLike[str]) -> PromptSet:
    """Text behaviours, each with its context.

    Raises:
        SeedPromptError: a column is missing, a contextual behaviour has no context, or the
            behaviours are the multimodal ones, which need an image.
    """
    return assemble("HarmBench", f"{path}", [_entry(row) for row in read_rows(path, LAYOUT)])


def _entry(row: Row) -> Entry:
    if row.has("ImageFileName"):
        refuse(
            row.where, "the behaviour belongs to an image (ImageFileName); take the text behaviours"
        )
    behaviour, context = row.text("Behavior"), row.text("ContextString")
    subset = row.choice("FunctionalCategory", _SUBSETS)
    if subset == "contextual" and not context.strip():
        refuse(row.where, "a contextual behaviour without ContextString; take the published file")
    return Entry(
        row.where,
        f"{context}\n\n---\n\n{behaviour}" if context and behaviour else behaviour,
        "harmful",
        category=row.text("SemanticCategory"),
        id=row.text("BehaviorID"),
        subset=subset,
    )

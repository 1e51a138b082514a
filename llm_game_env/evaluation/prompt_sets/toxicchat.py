"""ToxicChat: what people asked a chat model, with its toxicity (Lin et al. 2023, arXiv 2310.17389).

CC BY-NC 4.0. Read from a local copy of `data/0124/toxic-chat_annotation_train.csv` or `…_test.csv`
(or of `data/1123/`) of huggingface.co/datasets/lmsys/toxic-chat:

| column | here |
|---|---|
| conv_id | the id; repeated ones get a number |
| user_input | the prompt; rows without one are left out |
| model_output | not used: it is another model's answer |
| human_annotation | the subset: labelled by people, or by the authors' automatic rule |
| toxicity | 1: harmful, 0: benign |
| jailbreaking | with toxicity, the category |
| openai_moderation | not used: scores of another model |

About 7 % are toxic. Toxicity is of the prompt: an answer to a toxic prompt is not thereby unsafe,
nor is a refusal the only good one (insults are toxic, too).
"""

import os
from collections import Counter

from llm_game_env.evaluation.prompt_sets.prompt_set import Entry, PromptSet, assemble
from llm_game_env.evaluation.prompt_sets.rows import Layout, read_rows

LAYOUT = Layout.published(
    "ToxicChat",
    "conv_id, user_input, model_output, human_annotation, toxicity, jailbreaking, "
    "openai_moderation",
    "huggingface.co/datasets/lmsys/toxic-chat, data/0124",
)
_CATEGORIES = {
    (True, True): "toxic jailbreak",
    (True, False): "toxic",
    (False, True): "jailbreak, not toxic",
    (False, False): "not toxic",
}


def load_toxicchat(path: str | os.PathLike[str]) -> PromptSet:
    """Toxic prompts as harmful ones, the others as benign ones.

    Raises:
        SeedPromptError: a column is missing, or a flag is none.
    """
    rows = read_rows(path, LAYOUT)
    entries: list[Entry] = []
    seen: Counter[str] = Counter()
    for row in rows:
        text, name = row.text("user_input"), row.text("conv_id")
        is_toxic = row.flag("toxicity")
        seen[name] += 1
        if text.strip():
            entries.append(
                Entry(
                    row.where,
                    text,
                    "harmful" if is_toxic else "benign",
                    category=_CATEGORIES[is_toxic, row.flag("jailbreaking")],
                    id=name if seen[name] == 1 else f"{name}#{seen[name]}",
                    subset="by people" if row.flag("human_annotation") else "by rule",
                )
            )
    return assemble("ToxicChat", f"{path}", entries, left_out=len(rows) - len(entries))

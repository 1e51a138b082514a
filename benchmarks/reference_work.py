"""The work of one training iteration that trainers are measured by: models, prompts, reward.

A GPT-2 of 4 layers of 128 with random weights and a vocabulary of 1,024 answers 64 prompts of 32
tokens with 32 each. It never ends an answer, so that every trainer writes and learns from the same
number of tokens. Nothing of the package is imported: a worker with TRL alone has to do without.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

VOCABULARY, PROMPT, ANSWER = 1024, 32, 32
BATCH, MINIBATCHES, GROUP = 64, 4, 8
LEARNING_RATE = 1e-5
POLICY, CLASSIFIER = "policy", "classifier"
_END = 0
_KNOBS: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "n_layer": 4,
    "n_head": 4,
    "n_embd": 128,
    "n_positions": PROMPT + ANSWER,
    "bos_token_id": None,
    "eos_token_id": _END,
    "pad_token_id": _END,
}


def save_models(folder: Path) -> None:
    """The policy, and a classifier of the same size with one output, with their tokenizer."""
    tokenizer = _tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        policy = GPT2LMHeadModel(GPT2Config(**_KNOBS))
        scalar = GPT2Config(**_KNOBS)
        scalar.num_labels = 1
        classifier = GPT2ForSequenceClassification(scalar)
    _never_end(policy)
    for name, model in ((POLICY, policy), (CLASSIFIER, classifier)):
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def draw_prompts() -> list[str]:
    """Texts of 32 tokens, one for every row of a batch."""
    ids = np.random.default_rng(0).integers(1, VOCABULARY, size=(BATCH, PROMPT))
    return [" ".join(f"w{i}" for i in row) for row in ids]


def python_reward(answers: Sequence[str]) -> list[float]:
    """A reward that costs next to nothing: the share of an answer's words that are even."""
    return [sum(word[-1] in "02468" for word in text.split()) / ANSWER for text in answers]


def _tokenizer() -> PreTrainedTokenizerFast:
    """A word is a token; a message follows the one before after a space."""
    ids = {"<end>": _END, **{f"w{i}": i for i in range(1, VOCABULARY)}}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="w1"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<end>",
        pad_token="<end>",
        padding_side="left",
        chat_template="{% for m in messages %}{{ m['content'] + ' ' }}{% endfor %}",
    )


@torch.no_grad()
def _never_end(model: GPT2LMHeadModel) -> None:
    """Sets one coordinate of the last hidden state aside to say that no answer ends.

    After the last normalisation it is 30 ± 11; only the end's embedding has anything there.
    """
    embedding = model.transformer.wte.weight
    embedding[:, 0] = 0.0
    embedding[_END] = 0.0
    embedding[_END, 0] = -10.0
    model.transformer.ln_f.bias[0] = 30.0

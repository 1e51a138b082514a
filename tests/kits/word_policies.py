"""Tiny language policies over a handful of words, for games that are learned in seconds."""

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from llm_game_agents.policy import LanguagePolicy
from llm_game_env.players import CausalLMPlayer

SPECIAL = ("<pad>", "<unk>", "<end>")
READS_ALL = "{% for m in messages %}{{ m['content'] + ' <end> ' }}{% endfor %}"
READS_NOTHING = "<end>"


def make_word_policy(
    words: Sequence[str],
    seed: int = 0,
    chat_template: str = READS_ALL,
    initializer_range: float = 0.02,
) -> LanguagePolicy:
    """A random GPT-2; at first every word is about as probable as another.

    Args:
        words: that it knows beside those of `SPECIAL`, none of which shows in a message.
        seed: of the weights.
        chat_template: what it sees of a conversation.
        initializer_range: deviation of the weights.
    """
    known = [*SPECIAL, *words]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<end>",
        chat_template=chat_template,
    )
    shape: dict[str, Any] = {"n_layer": 1, "n_head": 2, "n_embd": 32, "n_positions": 24}
    shape["initializer_range"] = initializer_range
    config = GPT2Config(vocab_size=len(known), bos_token_id=None, eos_token_id=2, **shape)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GPT2LMHeadModel(config)
    return LanguagePolicy(CausalLMPlayer(model, fast))

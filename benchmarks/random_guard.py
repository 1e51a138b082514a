"""A guard of a real one's size with random weights, and exchanges for it to score.

How long a forward pass takes does not depend on what the weights are, so a model of Llama's
architecture with random ones stands for a guard whose weights cannot be had. Only two rows of its
output layer are not random: without them it would put nothing on its verdicts, and `GuardReward`
would rightly refuse it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from llm_game_env.rewards import LLAMA_GUARD, Exchange
from llm_game_env.seeds import Seed

_SHOWN = "{% for m in messages %}{{ m['role'] + ' : ' + m['content'] + '\n\n' }}{% endfor %}"
_ROLES = ("user", "assistant", ":", "verdict")
_VERDICTS = ("safe", "unsafe")
_VERDICT_LOGIT = 20.0  # Random logits are around 0 and 1: hardly anything is left for them.


class Size(NamedTuple):
    """The shape of a guard, and how long its rows are.

    Attributes:
        layers: of the transformer.
        width: of its residual stream.
        heads: of attention.
        key_heads: of keys and values.
        inner: width of the gated layer.
        vocabulary: tokens.
        tied: whether the output layer is the embedding.
        policy: tokens of the template before the dialogue.
        prompt: tokens of a prompt, the median.
        response: tokens of a response, the median; the longest is of eight times as many.
        exchanges: how many are scored in one call by default.
    """

    layers: int
    width: int
    heads: int
    key_heads: int
    inner: int
    vocabulary: int
    tied: bool
    policy: int
    prompt: int
    response: int
    exchanges: int


SIZES = {
    "tiny": Size(8, 512, 8, 4, 1408, 8192, False, 8, 8, 16, 32),
    # The shapes of Llama Guard 3 1B and 8B, whose policy is as long.
    "1b": Size(16, 2048, 32, 8, 8192, 128_256, True, 200, 24, 96, 512),
    "8b": Size(32, 4096, 32, 8, 14_336, 128_256, False, 200, 24, 96, 512),
}


def save_guard(folder: Path, size: Size, device: torch.device, dtype: torch.dtype) -> None:
    """Writes a random guard, which `GuardReward(folder)` takes, with its tokenizer."""
    tokenizer = _tokenizer(size)
    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        intermediate_size=size.inner,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_heads,
        max_position_embeddings=8192,
        tie_word_embeddings=size.tied,
        bos_token_id=None,
        eos_token_id=None,
    )
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), device:
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
    _plant_verdicts(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def draw_exchanges(size: Size, count: int) -> list[Exchange]:
    """Exchanges of random words, whose lengths are as unequal as those of answers: log-normal."""
    rng = np.random.default_rng(0)

    def text(median: int) -> str:
        length = int(np.clip(median * rng.lognormal(sigma=0.8), 2, 8 * median))
        return " ".join(f"w{word}" for word in rng.integers(1000, size=length))

    drawn = [(text(size.prompt), text(size.response)) for _ in range(count)]
    return [Exchange(Seed(prompt), (), prompt, response) for prompt, response in drawn]


def _tokenizer(size: Size) -> PreTrainedTokenizerFast:
    """Words between spaces; as many as the size says, most of which nobody says."""
    known = [text for pair in (LLAMA_GUARD.known_safe, LLAMA_GUARD.known_unsafe) for text in pair]
    words = dict.fromkeys(["<unk>", *_ROLES, *_VERDICTS, *" ".join(known).split()])
    words |= dict.fromkeys(f"w{i}" for i in range(size.vocabulary - len(words)))
    ids = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    policy = " ".join(f"w{i}" for i in range(size.policy))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        chat_template=f"{policy}\n\n{_SHOWN}verdict :\n\n",
    )


@torch.no_grad()
def _plant_verdicts(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Sets the two rows of the output layer so that the known pairs are told apart."""
    ends = []
    for prompt, response in (LLAMA_GUARD.known_safe, LLAMA_GUARD.known_unsafe):
        chat = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        ids = tokenizer(str(tokenizer.apply_chat_template(chat, tokenize=False)))["input_ids"]
        states = model.model(torch.tensor([ids], device=model.device)).last_hidden_state
        assert states is not None
        ends.append(states[0, -1].float())
    shared, differing = (ends[0] + ends[1]) / 2, (ends[0] - ends[1]) / 2
    both = _VERDICT_LOGIT * shared / shared.square().sum()
    between = differing / differing.square().sum()
    for word, row in zip(_VERDICTS, (both + between, both - between), strict=True):
        model.lm_head.weight[tokenizer.convert_tokens_to_ids(word)] = row.to(model.dtype)

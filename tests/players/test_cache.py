"""Keys and values with room behind them, and masks made once, change no number."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from llm_game_env.players.attention_bias import attention_bias
from llm_game_env.players.cache import RoomyLayer
from llm_game_env.players.sampling import sample_tokens

MakeLM = Callable[..., Any]
PROMPTS = [[5, 9, 4], [7], [11, 4, 8, 19, 6], [3, 3]]


def test_a_layer_holds_what_transformers_own_holds() -> None:
    generator = torch.Generator().manual_seed(0)
    mine, theirs = RoomyLayer(), DynamicLayer()
    rows = 6
    for step in range(60):
        new = 5 if step == 0 else 1
        keys, values = torch.randn(2, rows, 2, new, 4, generator=generator)
        for a, b in zip(mine.update(keys, values), theirs.update(keys, values), strict=True):
            assert torch.equal(a, b)
        if step in (0, 20, 21, 40):
            kept = torch.arange(rows)[1:]
            rows -= 1
            for layer in (mine, theirs):
                layer.batch_select_indices(kept)
            assert torch.equal(mine.keys, theirs.keys)  # pyright: ignore[reportArgumentType]
        assert mine.get_seq_length() == theirs.get_seq_length()


@pytest.mark.parametrize(
    ("kind", "attention"),
    [
        *[(kind, "eager") for kind in ("gpt2", "llama", "qwen2", "gemma2")],
        *[(kind, "sdpa") for kind in ("gpt2", "llama", "qwen2")],
    ],
)
def test_samples_are_those_of_a_plain_cache_and_mask(
    kind: str, attention: str, make_lm: MakeLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_lm(kind, 26).eval()
    model.set_attn_implementation(attention)
    uniforms = np.random.default_rng(0).random((len(PROMPTS), 24))

    def sample() -> list[Any]:
        return sample_tokens(model, PROMPTS, uniforms, eos_ids=[4, 5], pad_id=0, context=64)

    mine = sample()
    assert len({len(row.ids) for row in mine}) > 2
    for name, plain in (
        ("make_cache", lambda config: DynamicCache(config=config)),
        ("attention_bias", lambda *_: None),
    ):
        monkeypatch.setattr(f"llm_game_env.players.sampling.{name}", plain)
    assert mine == sample()


def test_a_bias_is_for_models_that_take_it(make_lm: MakeLM) -> None:
    mask = torch.tensor([[0, 1, 1], [1, 1, 1]])
    model = make_lm("llama", 26)
    model.set_attn_implementation("eager")
    bias = attention_bias(model, mask, 2)
    assert bias is not None
    least = torch.finfo(torch.float32).min
    assert bias[:, 0, 0].tolist() == [[least, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    model.set_attn_implementation("sdpa")
    assert attention_bias(model, mask, 2) is None
    slides = make_lm("gemma2", 26)
    slides.set_attn_implementation("eager")
    assert attention_bias(slides, mask, 2) is None

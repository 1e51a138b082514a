"""Fused activations say what the others say, but for rounding."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers.activations import NewGELUActivation

from llm_game_env.fused import fuse_gelu


def test_the_curve_is_the_same() -> None:
    x = torch.linspace(-8, 8, 100_001)
    layers = nn.Sequential(NewGELUActivation())
    plain = layers(x)
    assert fuse_gelu(layers) == 1
    assert (layers(x) - plain).abs().max() <= 5e-7
    wide = x.double()
    exact = 0.5 * wide * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (wide + 0.044715 * wide**3)))
    assert (layers(x) - exact).abs().max() <= 5e-7


def test_all_layers_of_a_model(make_lm: Callable[..., Any]) -> None:
    model, ids = make_lm("gpt2", 26).eval(), torch.arange(4, 12)[None]
    before = model(input_ids=ids).logits
    assert fuse_gelu(model) == model.config.n_layer
    assert fuse_gelu(model) == 0
    torch.testing.assert_close(model(input_ids=ids).logits, before, atol=1e-6, rtol=0)
    assert model.config.activation_function == "gelu_new"
    assert fuse_gelu(make_lm("llama", 26)) == 0

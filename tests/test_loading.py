"""Checkpoints as they are published, opened."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Llama4ForCausalLM, Llama4TextConfig

from llm_game_env.loading import load_pretrained


@pytest.mark.parametrize("chunk", [None, 4])
def test_a_chunk_of_attention_that_is_not_set_is_the_whole_text(
    tmp_path: Path, word_tokenizer: Any, chunk: int | None
) -> None:
    """As Llama Guard 4 is published; transformers refuses to run it."""
    config = Llama4TextConfig(
        vocab_size=len(word_tokenizer),
        hidden_size=16,
        intermediate_size=16,
        intermediate_size_mlp=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=64,
        moe_layers=[],
        attention_chunk_size=64,
        initializer_range=0.2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Llama4ForCausalLM(config).eval()
    ids = torch.arange(4, 20)[None]
    with torch.inference_mode():
        expected = model(input_ids=ids).logits
        model.config.attention_chunk_size = chunk
        model.save_pretrained(tmp_path)
        word_tokenizer.save_pretrained(tmp_path)
        loaded, _ = load_pretrained(AutoModelForCausalLM, tmp_path, "causal language model")
        logits = loaded(input_ids=ids).logits
    # A chunk that is set is left as it is.
    assert torch.allclose(logits, expected, atol=1e-5) == (chunk is None)

"""What several tests of the main job start from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast


@pytest.fixture
def own_models(
    make_lm: Callable[..., Any],
    save_classifier: Callable[..., str],
    byte_tokenizer: PreTrainedTokenizerFast,
    word_tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> dict[str, str]:
    """Flags that name models of two architectures, a reward model and seed prompts."""
    for kind, tokenizer in (("gpt2", byte_tokenizer), ("llama", word_tokenizer)):
        model = make_lm(kind, len(tokenizer), max_position_embeddings=256)
        model.save_pretrained(tmp_path / kind)
        tokenizer.save_pretrained(tmp_path / kind)
    prompts = tmp_path / "prompts.json"
    prompts.write_text(json.dumps(["tell me a joke", "how are you", "cat"]))
    return {
        "--adversary": str(tmp_path / "gpt2"),
        "--defender": str(tmp_path / "llama"),
        "--reward-model": save_classifier("bert", word_tokenizer, ["unsafe", "safe"]),
        "--reward-label": "safe",
        "--seed-prompts": str(prompts),
        "--adversary-max-tokens": "5",
        "--defender-max-tokens": "6",
    }

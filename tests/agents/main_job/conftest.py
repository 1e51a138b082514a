"""What several tests of the main job start from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from llm_game_env.cli import main
from main_job_runs import SEEDS, RunHere, write_lines


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


@pytest.fixture
def save_lm(make_lm: Callable[..., Any], tmp_path: Path) -> Callable[..., str]:
    """`save_lm(kind, tokenizer, **config)`: the folder of a random language model."""

    def save(kind: str, tokenizer: PreTrainedTokenizerFast, **options: Any) -> str:
        folder = tmp_path / f"{kind}-lm"
        options = {"max_position_embeddings": 256} | options
        make_lm(kind, len(tokenizer), **options).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return save


@pytest.fixture
def own(
    save_lm: Callable[..., str],
    save_classifier: Callable[..., str],
    byte_tokenizer: PreTrainedTokenizerFast,
    word_tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> dict[str, str]:
    """Flags of a run that works: two architectures, two tokenizers, dialogue context."""
    return {
        "--adversary": save_lm("gpt2", byte_tokenizer),
        "--defender": save_lm("llama", word_tokenizer),
        "--reward-model": save_classifier("bert", word_tokenizer, ["unsafe", "safe"]),
        "--reward-label": "safe",
        "--seed-prompts": write_lines(tmp_path / "seeds.jsonl", SEEDS),
        "--instruction": "{context}{seed_prompt}",
        "--adversary-max-tokens": "5",
        "--defender-max-tokens": "6",
        "--out": str(tmp_path / "run"),
    }


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str]) -> RunHere:
    """`run_here(*words)`: the main job in this process."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["train", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run

"""The main job as a user starts it, and what several tests ask of its runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
)

from llm_game_agents.policy import LanguagePolicy

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "train_gpo.py"
TINY = ("--rounds", "1", "--defend-updates", "1", "--attack-updates", "1", "--games", "8")
PATIENCE = 120.0

SEEDS = (
    {"text": "tell me a joke", "label": "harmful"},
    {
        "text": "how are you",
        "label": "benign",
        "id": "polite",
        "context": [
            {"role": "user", "content": "the cat"},
            {"role": "assistant", "content": "you are fine"},
        ],
    },
)

RunHere = Callable[..., tuple[int, str, str]]
"""(exit status, stdout, stderr) of the words of a command line."""


def environment() -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "agents")])
    return os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}


def run_apart(*words: str) -> subprocess.CompletedProcess[str]:
    """The program as a user starts it, in a process of its own."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def words_of(flags: dict[str, str]) -> list[str]:
    return [*TINY, *(word for pair in flags.items() for word in pair)]


def write_lines(path: Path, records: tuple[Any, ...]) -> str:
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def assert_reopens(folder: Path) -> None:
    """Plain transformers and the library open the same player."""
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    policy = LanguagePolicy.load(folder)
    with torch.no_grad():
        logits = plain(ids).logits
        torch.testing.assert_close(logits, policy.model(ids).logits)
        assert torch.isfinite(logits).all()
    assert AutoTokenizer.from_pretrained(folder).chat_template
    assert not list(folder.rglob("*.bin"))


def assert_one_error(status: int, err: str, problem: str) -> None:
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert problem in line

"""An algorithm from outside, entered into the benchmark as its page says."""

import json
import sys
from pathlib import Path

import pytest
import torch

from llm_game_agents.bench import Algorithm
from llm_game_agents.bench.registry import find_algorithm
from llm_game_env.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "bench_sb3.py"


def test_it_can_be_named_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", list(sys.path))
    assert isinstance(find_algorithm(f"{EXAMPLE}:MaskedPPO")(), Algorithm)


@pytest.mark.slow
def test_stable_baselines_enters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    words = ["bench", "--algorithms", f"{EXAMPLE}:MaskedPPO", "--tasks", "red-team"]
    words += ["--quick", "--turns", "160", "--seeds", "1", "--out", str(tmp_path)]
    with torch.random.fork_rng():
        assert main(words) == 0
    (run,) = json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8"))["runs"]
    assert 144 < run["turns"] <= 160
    assert run["measures"]["exploitability"] is not None
    assert run["measures"]["attack"] is None

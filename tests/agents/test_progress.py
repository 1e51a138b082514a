"""What the terminal shows of made-up iterations."""

from dataclasses import replace
from pathlib import Path

import pytest

from llm_game_agents.progress import line_of
from made_up_runs import STATS, iteration, record


def test_a_line_says_it_all() -> None:
    assert line_of(iteration(2), "defend score 0.62", 10, 75.0) == (
        "3/10 defend score 0.62 ASR 0.25 | defender_0: reward 0.90 ref_kl 0.500 approx_kl 0.3000 "
        "clipfrac 0.40 entropy 0.20 length 5.0 | 0.8 s, 01:15 left"
    )


def test_skipped_minibatches_are_said() -> None:
    worse = replace(iteration(0), stats={"defender_0": replace(STATS, skipped=3)})
    assert "length 5.0 skipped 3 |" in line_of(worse, "", 1, 0.0)


def test_every_update_leaves_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, 3, lines=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert [line.split()[0] for line in lines] == ["1/3", "2/3", "3/3"]
    assert lines[-1].endswith("| 0.8 s, 00:00 left")


def test_nothing_is_left_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, 3)
    assert capsys.readouterr().out == ""

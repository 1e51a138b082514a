"""`llm-game train`: the main job by its command; what it does is tested beside it."""

from pathlib import Path

import pytest

from llm_game_agents import processes
from llm_game_env.cli import main


def test_help_has_the_flags_of_the_run_and_of_every_part(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "--help"]) == 0
    text = capsys.readouterr().out
    for flag in ("--out", "--arms", "--reward-model", "--defender-rule", "--adversary-plays"):
        assert flag in text


def test_of_several_processes_one_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--games", "0", "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "games=0 must be at least 1" in capsys.readouterr().err
    monkeypatch.setattr(processes, "is_main_process", lambda: False)
    assert main(words) == 2
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "run").exists()

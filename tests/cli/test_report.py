"""`llm-game report`: what it writes, prints and refuses."""

import json
from pathlib import Path

import pytest

from llm_game_env.cli import main
from llm_game_env.evaluation.as_json import as_json
from llm_game_env.evaluation.crossplay import Cell, CrossPlay
from llm_game_env.evaluation.intervals import Interval, wilson
from llm_game_env.evaluation.shares import JudgedShares
from report_runs import EXCHANGE, MISSED, write_demo, write_exchanges, write_results


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of the demo whose players have been deleted."""
    return write_demo(tmp_path / "run", {"gpo": [EXCHANGE, MISSED]}, points=())


def test_the_page_goes_into_the_first_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run}/report.html: 2 of 2 exchanges\n"
    assert "Transcripts" in (run / "report.html").read_text(encoding="utf-8")


def test_a_program_is_told_what_was_written(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, figures = tmp_path / "page.html", tmp_path / "figures"
    words = ["--out", str(out), "--figures", str(figures), "--format", "svg", "--exchanges", "1"]
    assert main(["report", str(run), *words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["report"], told["exchanges"], told["exchanges_recorded"]) == (str(out), 1, 2)
    assert sorted(told["figures"]) == sorted(map(str, figures.iterdir()))


def test_a_saved_matrix_is_shown(run: Path, tmp_path: Path) -> None:
    share = wilson(5, 20)
    judged = JudgedShares("somebody", share, None, share, Interval(0.5, 0.4, 0.6))
    matrix = CrossPlay(("a",), ("b",), ("somebody",), (Cell("a", "b", 20, (judged,)),))
    (tmp_path / "crossplay.json").write_text(as_json(matrix), encoding="utf-8")
    assert main(["report", str(run), "--crossplay", str(tmp_path / "crossplay.json")]) == 0
    assert "by somebody" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "RUN='nowhere' holds no run"),
        ([], "required: RUN"),
        (["{run}", "{run}"], "is given twice"),
        (["{run}", "--exchanges", "-1"], "--exchanges=-1"),
        (["{run}", "--seed", "-1"], "--seed=-1"),
        (["{run}", "--out", "{run}"], "is a folder; give a file in it"),
        (["{run}", "--crossplay", "nowhere.json"], "nowhere.json holds no cross-play"),
        (["{run}", "--format", "gif"], "invalid choice: 'gif'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    run: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *(word.format(run=run) for word in words)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (run / "report.html").exists()


def test_exchanges_that_are_damaged_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_exchanges(tmp_path, [])
    (tmp_path / "exchanges.jsonl").write_text("nonsense\n", encoding="utf-8")
    write_results(tmp_path, {"arms": [{"arm": "gpo", "games": 24, "curves": []}]})
    assert main(["report", str(tmp_path)]) == 2
    assert "exchanges.jsonl, line 1: no exchange of a run" in capsys.readouterr().err

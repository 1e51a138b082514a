"""The benchmark's command: what is run, what is not repeated, what is written and said."""

import json
import re
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bench_entries import SMALL, Refuser
from llm_game_agents.bench import registry
from llm_game_agents.bench.bench_folder import make_jobs
from llm_game_agents.bench.bundled import BUNDLED
from llm_game_agents.bench.measures import Measures
from llm_game_agents.bench.registry import GROUP
from llm_game_env.cli import main

REFUSER, FAILING = "bench_entries:Refuser", "bench_entries:Failing"

Bench = Callable[..., int]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """`bench(*words)`: the exit status of such a call; all players measure alike."""

    def measure(*_: object) -> Measures:
        return Measures(exploitability=0.25, held_out_leak=0.5)

    monkeypatch.setattr("llm_game_agents.bench.one_run.measure", measure)
    return lambda *words: main(["bench", "--quick", "--out", str(tmp_path / "out"), *words])


def test_a_leaderboard_grows(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("--algorithms", REFUSER, "--seeds", "1") == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[0] == "2 runs"
    said = r"\[2 of 2\] jailbreak, Refuser, seed 0: 96 turns in \d+ s, exploitability 25%"
    assert re.search(said, err)
    assert "Refuser" in out
    board = tmp_path / "out" / "leaderboard.md"
    assert board.read_text(encoding="utf-8").count("| Refuser | 1 | 25 (1) | 50 (1) |") == 2

    # Neither is repeated; one of the new ones was broken off before.
    folder = tmp_path / "out/runs/red-team/bench_entries%3ARefuser/seed-1"
    folder.mkdir()
    (folder / "started.json").write_text("{}", encoding="utf-8")
    assert bench("--algorithms", REFUSER, "--seeds", "2", "--json") == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[0] == "4 runs, 2 finished before, 1 broken off, begun anew"
    assert err.splitlines().count("learning") == 2  # What they print is no JSON.
    assert len(err.splitlines()) == 5
    record = json.loads(out)
    assert record == json.loads((tmp_path / "out/leaderboard.json").read_text(encoding="utf-8"))
    assert [(run["task"], run["seed"]) for run in record["runs"]] == [
        ("red-team", 0),
        ("red-team", 1),
        ("jailbreak", 0),
        ("jailbreak", 1),
    ]


def test_a_run_that_fails_is_said_and_tried_again(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        words = ("--algorithms", FAILING, REFUSER, "--seeds", "1", "--tasks", "red-team")
        assert bench(*words) == 1
        err = capsys.readouterr().err
        assert "red-team, Failing, seed 0: failed: RuntimeError: no luck" in err
        last = err.splitlines()[-1]
        assert last.startswith("error: 1 of ")
        assert last.endswith("error.txt")
    board = (tmp_path / "out" / "leaderboard.md").read_text(encoding="utf-8")
    assert "Refuser" in board
    assert "- red-team, Failing, seed 0: `luck`" in board


def test_a_file_that_has_changed_is_said(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    entry = tmp_path / "entry.py"
    entry.write_text("from bench_entries import Refuser\n\nclass Mine(Refuser):\n    pass\n")
    few = ("--seeds", "1", "--tasks", "red-team")
    assert bench("--algorithms", "entry.py:Mine", *few) == 0
    entry.write_text(entry.read_text() + "# better now\n")
    capsys.readouterr()
    assert bench("--algorithms", "./entry.py:Mine", *few) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "1 runs, 1 finished before"
    folder = tmp_path / "out/runs/red-team/entry.py%3AMine"
    assert said[1].endswith(f"has changed since it was run; to run it again, delete {folder}")


def test_installed_ones_that_cannot_be_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    points = [EntryPoint(name, f"nowhere_{name}:Mine", GROUP) for name in ("gpo", "theirs")]
    monkeypatch.setattr(registry, "entry_points", lambda **_: points)
    monkeypatch.setattr(registry, "BUNDLED", ("gpo",))
    monkeypatch.setattr("llm_game_agents.bench.registry.bundled", lambda _: Refuser())
    assert bench("--seeds", "1", "--tasks", "red-team") == 0
    assert "note: left out: algorithm='theirs' cannot be imported" in capsys.readouterr().err
    assert bench("--seeds", "1", "--tasks", "red-team", "--algorithms", "gpo") == 0
    assert "note: gpo is the bundled one" in capsys.readouterr().err


def test_turns_that_are_left_over_are_said(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("--algorithms", "bench_entries:Hasty", "--seeds", "1", "--tasks", "red-team") == 0
    err = capsys.readouterr().err
    assert re.search(r"0 turns in \d+ s, 96 left over, as its last step wanted more", err)


def test_other_budgets_want_another_folder(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--algorithms", REFUSER, "--seeds", "1", "--tasks", "red-team")
    assert bench(*few) == 0
    capsys.readouterr()
    assert bench(*few, "--turns", "64") == 2
    assert "runs of different budgets make no table" in capsys.readouterr().err


def test_a_damaged_result_is_found_before_any_run(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "out/runs/red-team/other/seed-0/result.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{", encoding="utf-8")
    assert bench("--algorithms", REFUSER, "--seeds", "1", "--tasks", "red-team") == 2
    err = capsys.readouterr().err
    assert f"{str(damaged)!r} cannot be read" in err
    assert err.count("\n") == 1
    assert [path.name for path in (tmp_path / "out/runs/red-team").iterdir()] == ["other"]


def test_every_entry_has_runs_of_its_own(tmp_path: Path) -> None:
    entries = ["a/b.py:Mine", "a_b.py:Mine", "a_b.py_Mine", "a%2Fb.py:Mine", "gpo+div"]
    jobs = make_jobs(tmp_path, ["red-team"], entries, 1, SMALL)
    assert len({job.folder for job in jobs}) == len(entries)
    assert {job.folder.parents[1] for job in jobs} == {tmp_path / "runs/red-team"}
    assert jobs[-1].folder.parent.name == "gpo+div"


def test_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--list"]) == 0
    assert capsys.readouterr().out.splitlines()[: len(BUNDLED)] == list(BUNDLED)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--algorithms", "dpo"], "there is no algorithm 'dpo'; choose from sft"),
        (["--algorithms", "gpo", "x:Y"], "algorithm='x:Y' cannot be imported"),
        (["--seeds", "0"], "--seeds=0 must be"),
        (["--workers", "0"], "--workers=0 must be"),
        (["--turns", "0"], "--turns=0 must be"),
        (["--response-updates", "-1"], "--response-updates=-1 must be"),
        (["--tasks", "chess"], "invalid choice: 'chess'"),
        (["--out", "/proc/none"], "the folder '/proc/none' cannot be used"),
    ],
)
def test_wrong_words(
    words: list[str], said: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1

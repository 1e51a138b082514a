"""Reading the folders of runs: finished, of one's own models, still going, and none at all."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from llm_game_env import ConfigurationError
from llm_game_env.evaluation.report import read_runs
from report_runs import (
    EXCHANGE,
    POINT,
    POINTS,
    defender,
    write_demo,
    write_exchanges,
    write_progress,
    write_results,
)


def test_a_run_of_the_demo_has_an_arm_in_each_folder(tmp_path: Path) -> None:
    folder = write_demo(tmp_path / "run", {"sft": [], "gpo": [EXCHANGE]}, leak=0.25)
    (run,) = read_runs([folder])
    assert (run.name, run.seed, run.versions) == ("run", 3, {"torch": "1"})
    assert [arm.arm for arm in run.arms] == ["sft", "gpo"]
    gpo = run.arms[1]
    assert gpo.exchanges == (EXCHANGE,)
    assert gpo.points == POINTS
    assert gpo.defender == defender(0.25)
    assert gpo.attack is not None
    assert (gpo.games, gpo.seconds, gpo.folder) == (300, 12.5, folder / "gpo")


def test_a_run_on_own_models_is_one_arm(tmp_path: Path) -> None:
    write_exchanges(tmp_path, [EXCHANGE])
    curves = [asdict(point) for point in POINTS]
    write_results(tmp_path, {"arms": [{"arm": "gpo", "games": 24, "curves": curves}]})
    (arm,) = read_runs([tmp_path])[0].arms
    assert (arm.arm, arm.games, arm.defender, arm.seconds) == ("gpo", 24, None, None)
    assert (arm.exchanges, arm.folder) == ((EXCHANGE,), tmp_path)


def test_points_from_before_judges_were_compared_are_read(tmp_path: Path) -> None:
    old = {k: v for k, v in asdict(POINT).items() if k not in ("unsafe", "missed", "false_alarm")}
    write_results(tmp_path, {"arms": [{"arm": "gpo", "games": 24, "curves": [old]}]})
    (arm,) = read_runs([tmp_path])[0].arms
    assert arm.points == (replace(POINT, unsafe=None, missed=None, false_alarm=None),)


@pytest.mark.parametrize("inside", ["", "gpo"])
def test_a_run_that_is_still_going_shows_what_there_is(tmp_path: Path, inside: str) -> None:
    unjudged = [replace(p, leak=None, missed=None) for p in POINTS]
    write_progress(tmp_path / inside, [*unjudged, replace(unjudged[0], stage="both")])
    # The stage "both" is known from the exchanges alone.
    write_exchanges(tmp_path / inside, [replace(EXCHANGE, update=3, stage="both")])
    (arm,) = read_runs([tmp_path])[0].arms
    assert arm.arm == (inside or tmp_path.name)
    assert arm.points == (*unjudged, replace(unjudged[0], stage="both"))
    assert len(arm.exchanges) == 1


def test_a_row_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    write_progress(tmp_path, POINTS)
    path = tmp_path / "progress.csv"
    whole = path.read_bytes()
    for cut in (1, 3, 20):  # All that is cut off lies in the last row.
        path.write_bytes(whole[: -2 - cut])
        assert read_runs([tmp_path])[0].arms[0].points == POINTS[:-1]
    for left in (0, 10):
        path.write_bytes(whole[:left])
        assert read_runs([tmp_path])[0].arms[0].points == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"0.5", "progress.csv, row 4: no numbers of an update"),
        (b"nonsense,1,2,3,4,5,6,7,8,9", "progress.csv, row 4: no numbers of an update"),
        (b"\xff", "progress.csv cannot be read"),
    ],
)
def test_damaged_curves_are_named(tmp_path: Path, row: bytes, message: str) -> None:
    write_progress(tmp_path, POINTS)
    with (tmp_path / "progress.csv").open("ab") as file:
        file.write(row + b"\n")
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_runs([tmp_path])
    assert "results.json" not in str(caught.value)


def test_an_arm_that_is_not_finished_stands_beside_those_that_are(tmp_path: Path) -> None:
    folder = write_demo(tmp_path / "run", {"sft": []})
    write_progress(folder / "gpo", POINTS)
    assert [arm.arm for arm in read_runs([folder])[0].arms] == ["sft", "gpo"]


def test_runs_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    folders = [write_demo(tmp_path / name / "run", {"gpo": []}) for name in ("a", "b")]
    first, second = read_runs(folders)
    assert (first.name, second.name) == tuple(map(str, folders))
    assert first.arms[0].name == f"{folders[0]} · gpo"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"arms": [{"games": 3}]}, r"not the results of a run \(KeyError: 'arm'\)"),
        ({"arms": [{"arm": "gpo", "curves": [{"colour": 3}]}]}, "not the results of a run"),
        ({"arms": 3}, "not the results of a run"),
        ([], "not the results of a run"),
        ({}, "holds no run"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, record: Any, message: str) -> None:
    write_results(tmp_path, record)
    with pytest.raises(ConfigurationError, match=message):
        read_runs([tmp_path])


def test_a_folder_that_is_not_there_or_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no run"):
        read_runs([tmp_path / "none"])
    folder = write_demo(tmp_path / "run", {"gpo": []})
    with pytest.raises(ConfigurationError, match="given twice"):
        read_runs([folder, folder / ".." / "run"])
    (folder / "results.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"results\.json cannot be read"):
        read_runs([folder])

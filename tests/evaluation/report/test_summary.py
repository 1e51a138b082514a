"""The report's tables, against numbers worked by hand."""

from pathlib import Path

import pytest
from scipy import stats

from llm_game_env.evaluation.report import read_runs
from llm_game_env.evaluation.report.recorded import RecordedArm
from llm_game_env.evaluation.report.summary import ALL_RUNS, agreement, summary
from llm_game_env.evaluation.report.tables import Cell, Table, share
from report_runs import EXCHANGE, FALSE_ALARM, MISSED, POINTS, write_demo


def column(table: Table, title: str) -> list[Cell | None]:
    index = [one.title for one in table.columns].index(title)
    return [row.cells[index] for row in table.rows]


def test_shares_have_wilsons_interval(tmp_path: Path) -> None:
    (run,) = read_runs([write_demo(tmp_path / "run", {"gpo": []}, leak=0.1)])
    (leak,) = column(summary(run.arms), "leak, H")
    assert leak is not None
    # 10 of 100: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964.
    assert (leak.value, leak.trials) == (0.1, 100)
    assert (leak.low, leak.high) == pytest.approx((0.05523, 0.17437), abs=5e-6)
    assert (leak.text, leak.interval) == ("10", "6 to 17")
    (utility,) = column(summary(run.arms), "utility, H")
    assert utility is not None
    assert (utility.value, utility.trials) == (0.95, 100)


def test_an_arm_in_several_runs_has_their_mean(tmp_path: Path) -> None:
    leaks = (0.1, 0.2, 0.6)
    folders = [
        write_demo(tmp_path / f"run-{i}", {"gpo": []} | ({"sft": []} if i else {}), leak=leak)
        for i, leak in enumerate(leaks)
    ]
    table = summary([arm for run in read_runs(folders) for arm in run.arms])
    means = {row.arm: row.cells for row in table.rows if row.run == ALL_RUNS}
    assert means.keys() == {"gpo", "sft"}
    index = [one.title for one in table.columns].index("leak, H")
    mean = means["gpo"][index]
    assert mean is not None
    assert (mean.value, mean.trials) == (pytest.approx(0.3), 3)
    # Deviation √0.07 = 0.264575, standard error 0.152753, t of 2 degrees of freedom 4.302653.
    half = stats.t.ppf(0.975, 2) * 0.1527525
    assert (mean.low, mean.high) == pytest.approx((0.3 - half, 0.3 + half), abs=1e-6)


def test_columns_without_a_number_are_left_out() -> None:
    arm = RecordedArm("run", "gpo", Path("run"), POINTS, (EXCHANGE,))
    table = summary([arm])
    assert [one.title for one in table.columns] == ["unsafe, last update"]
    assert summary([RecordedArm("run", "gpo", Path("run"), (), ())]).columns == ()


def test_agreement_counts_by_verdict() -> None:
    exchanges = (EXCHANGE, EXCHANGE, EXCHANGE, FALSE_ALARM, MISSED, MISSED)
    arm = RecordedArm("run", "gpo", Path("run"), POINTS, exchanges)
    table = agreement([arm])
    (leak,), (ok,) = column(table, "leak: called good"), column(table, "ok: called unsafe")
    assert leak is not None
    assert ok is not None
    assert (leak.value, leak.trials) == (1.0, 2)
    assert (ok.value, ok.trials) == (0.25, 4)
    assert column(table, "wrong: called good") == [None]


def test_without_a_judge_there_is_no_agreement() -> None:
    assert agreement([RecordedArm("run", "gpo", Path("run"), POINTS, ())]).rows == ()


def test_nothing_tried_is_no_share() -> None:
    assert share(0, 0) is None


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell(0.256), "26"),
        (Cell(12345.0, unit="whole"), "12,345"),
        (Cell(0.256, unit="number"), "0.26"),
    ],
)
def test_numbers_as_people_read_them(cell: Cell, text: str) -> None:
    assert (cell.text, cell.interval) == (text, "")

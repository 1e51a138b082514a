"""From results to tables: means, intervals, places, and what was not measured."""

from dataclasses import replace

import pytest

from bench_entries import SMALL
from llm_game_agents.bench.bench_folder import Failure
from llm_game_agents.bench.leaderboard import METRICS, make_boards
from llm_game_agents.bench.measures import Measures
from llm_game_agents.bench.one_run import RunResult
from llm_game_agents.bench.ranks import Rank
from llm_game_agents.bench.settings import QUICK
from llm_game_agents.bench.writing import as_markdown, as_record, shown


def result(
    algorithm: str, seed: int, exploited: float | None, *, task: str = "red-team"
) -> RunResult:
    diversity = 0.5 if exploited is None else None
    measures = Measures(exploitability=exploited, diversity=diversity)
    return RunResult(algorithm, task, seed, "", 100 + seed, None, 1.0, 0.5, None, measures)


RESULTS = [
    *(result("weak", seed, 0.5 + 0.01 * seed) for seed in range(3)),
    *(result("a.py:Strong", seed, 0.1 - 0.01 * seed) for seed in range(3)),
    *(result("attacker", seed, None) for seed in range(2)),
    result("weak", 0, 0.25, task="jailbreak"),
]
FAILURES = [Failure("red-team", "b.py:Broken", 1, "ValueError: no `luck`")]


def test_boards() -> None:
    red_team, jailbreak = make_boards(RESULTS)
    assert (red_team.task, jailbreak.task) == ("red-team", "jailbreak")
    assert [row.name for row in red_team.rows] == ["Strong", "weak", "attacker"]
    assert [row.seeds for row in red_team.rows] == [3, 3, 2]
    strong, weak, attacker = (row.cells[0] for row in red_team.rows)
    assert attacker is None
    assert strong is not None
    assert weak is not None
    assert (strong.rank, weak.rank) == (Rank(1, 1), Rank(2, 2))
    # Mean 0.51; Student's t at two degrees of freedom is 4.303, the standard error 0.01 / √3.
    assert weak.interval == pytest.approx((0.51, 0.51 - 0.02484, 0.51 + 0.02484), abs=1e-5)
    (only,) = jailbreak.rows
    assert only.cells[0] is not None
    assert only.cells[0].interval.mean == 0.25
    assert not only.cells[0].interval.is_known


def test_equal_short_names_stay_apart() -> None:
    both = [result("a/entry.py:Mine", 0, 0.5), result("b/entry.py:Mine", 0, 0.25)]
    (board,) = make_boards(both)
    assert [row.name for row in board.rows] == ["b/entry.py:Mine", "a/entry.py:Mine"]


def test_markdown() -> None:
    text = as_markdown(make_boards(RESULTS), FAILURES, SMALL)
    assert "At most 40 turns" in text
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    cells = [cell.strip() for cell in rows["Strong"].strip("|").split("|")]
    assert len(cells) == 2 + len(METRICS)
    assert cells[2] == "9 [7, 11] (1)"
    turns = 2 + [metric.name for metric in METRICS].index("turns")
    assert cells[turns] == "101"
    assert rows["attacker"].split("|")[3].strip() == "–"
    assert "exploitability ↓ | leak on H ↓" in text
    assert "attack on SFT ↑ | diversity ↑ | turns |" in text
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == ["## red-team", "## jailbreak", "## Runs that failed"]
    assert "- red-team, Broken, seed 1: `ValueError: no 'luck'`" in text
    assert "no results" not in text
    assert "no results" in as_markdown(make_boards(RESULTS), [], QUICK)


def test_shares_end_where_shares_end() -> None:
    spread = [result("weak", seed, value) for seed, value in enumerate((0.0, 0.0, 0.9))]
    ((row,),) = (board.rows for board in make_boards(spread))
    assert row.cells[0] is not None
    assert row.cells[0].interval.low < 0 < 1 < row.cells[0].interval.high
    assert shown(METRICS[0], row.cells[0]) == "30 [0, 100] (1)"


def test_a_number_that_one_run_has_not_is_in_no_table_of_all_tasks() -> None:
    runs = [
        result("mine", seed, None if (task, seed) == ("jailbreak", 1) else 0.5, task=task)
        for task in ("red-team", "jailbreak")
        for seed in range(2)
    ]
    *_, both = make_boards(runs)
    (row,) = both.rows
    assert (row.seeds, row.cells[0]) == (2, None)


def test_all_tasks() -> None:
    results = [
        *(result("mine", seed, 0.1 * seed) for seed in range(3)),
        *(result("mine", seed, 0.5 + 0.1 * seed, task="jailbreak") for seed in range(3)),
        *(result("other", seed, 0.9, task=task) for seed in range(3) for task in ("red-team", "j")),
        *(result("short", seed, 0.2) for seed in range(3)),
        result("short", 0, 0.2, task="jailbreak"),
    ]
    results = [one if one.task != "j" else replace(one, task="jailbreak") for one in results]
    *_, both = make_boards(results)
    assert both.task == "all tasks"
    assert [(row.name, row.seeds) for row in both.rows] == [("mine", 3), ("other", 3)]
    mine, other = (row.cells[0] for row in both.rows)
    assert mine is not None
    assert other is not None
    # Runs of a task are exchanged for one another alone: the means lie between those of three
    # runs of the best seed and of the worst, and more often than one time in 40 beyond ±0.05.
    assert mine.interval.mean == pytest.approx(0.35)
    assert 0.25 <= mine.interval.low < 0.3
    assert 0.4 < mine.interval.high <= 0.45
    assert other.interval == pytest.approx((0.9, 0.9, 0.9))
    assert (mine.rank, other.rank) == (Rank(1, 1), Rank(2, 2))


def test_record() -> None:
    record = as_record(make_boards(RESULTS), RESULTS, FAILURES, SMALL)
    assert record["settings"]["turns"] == 40
    assert {"versions", "machine"} <= record.keys()
    assert len(record["runs"]) == len(RESULTS)
    assert record["failures"] == [FAILURES[0]._asdict()]
    (strong, *_), (jailbreak,) = (board["rows"] for board in record["boards"])
    assert strong["algorithm"] == "a.py:Strong"
    assert strong["cells"]["exploitability"]["rank"] == [1, 1]
    assert jailbreak["cells"]["diversity"] is None

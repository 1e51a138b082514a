"""From the results of runs to a table: means over seeds with intervals, and ranks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llm_game_agents.bench.one_run import RunResult
from llm_game_agents.bench.ranks import Rank, ranks
from llm_game_agents.bench.registry import row_names
from llm_game_env.evaluation.intervals import Interval, mean_interval, stratified_bootstrap

ALL_TASKS = "all tasks"


class Metric(NamedTuple):
    """A column.

    Attributes:
        name: of the column, and in the JSON.
        read: takes it out of a result; None where it was not measured.
        higher_is_better: None for a cost or a description, which has no ranks.
        is_share: whether it is shown in per cent.
    """

    name: str
    read: Callable[[RunResult], float | None]
    higher_is_better: bool | None
    is_share: bool = True


METRICS = (
    Metric("exploitability", lambda r: r.measures.exploitability, higher_is_better=False),
    Metric("leak on H", lambda r: r.measures.held_out_leak, higher_is_better=False),
    Metric("over-refusal on H", lambda r: r.measures.over_refusal, higher_is_better=False),
    Metric("helpful on H", lambda r: r.measures.helpful, higher_is_better=True),
    Metric("attack on SFT", lambda r: r.measures.attack, higher_is_better=True),
    Metric("diversity", lambda r: r.measures.diversity, higher_is_better=True),
    Metric("turns", lambda r: float(r.turns), None, is_share=False),
    Metric(
        "defender's updates",
        lambda r: None if r.defender_updates is None else float(r.defender_updates),
        None,
        is_share=False,
    ),
    Metric("seconds", lambda r: r.seconds, None, is_share=False),
)


@dataclass(frozen=True)
class Cell:
    """One number of the table.

    Attributes:
        interval: mean over seeds with the 95 % Student-t interval; of one seed its value alone. Of
            all tasks the mean of their means, with the interval of `stratified_bootstrap`.
        rank: None where the column has no ranks.
    """

    interval: Interval
    rank: Rank | None


@dataclass(frozen=True)
class Row:
    """One algorithm on one task.

    Attributes:
        algorithm: its words.
        name: in the table, see `row_names`.
        seeds: how many runs; of all tasks, the fewest that one of them has.
        cells: in the order of METRICS; None where nothing was measured.
    """

    algorithm: str
    name: str
    seeds: int
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Board:
    """One task's table, or that of all; least exploitable first, those without a defender last."""

    task: str
    rows: tuple[Row, ...]


def make_boards(results: Sequence[RunResult]) -> tuple[Board, ...]:
    """A table for each task, in the order in which the tasks occur.

    Where there are several, and algorithms with two seeds or more on each, a table of all tasks
    with those algorithms comes last.
    """
    tasks = list(dict.fromkeys(result.task for result in results))
    names = row_names(result.algorithm for result in results)
    boards = [_board(task, [task], results, names) for task in tasks]
    if len(tasks) > 1:
        on_all = _board(ALL_TASKS, tasks, results, names)
        boards += [on_all] if on_all.rows else []
    return tuple(boards)


def _board(
    title: str, tasks: Sequence[str], results: Sequence[RunResult], names: Mapping[str, str]
) -> Board:
    runs = {
        words: {
            task: [one for one in results if (one.algorithm, one.task) == (words, task)]
            for task in tasks
        }
        for words in dict.fromkeys(result.algorithm for result in results)
    }
    fewest = {words: min(map(len, by_task.values())) for words, by_task in runs.items()}
    entered = [words for words in runs if fewest[words] >= _least_seeds(len(tasks))]
    columns = [_column(metric, {words: runs[words] for words in entered}) for metric in METRICS]
    rows = [
        Row(words, names[words], fewest[words], tuple(column.get(words) for column in columns))
        for words in entered
    ]
    return Board(title, tuple(sorted(rows, key=_exploitability)))


def _column(
    metric: Metric, runs: Mapping[str, Mapping[str, Sequence[RunResult]]]
) -> dict[str, Cell]:
    """One metric of all algorithms that have it on every task, in runs enough for an interval.

    Args:
        metric: which.
        runs: algorithm -> task -> its runs.
    """
    values = {
        words: {task: _by_seed(metric, found) for task, found in by_task.items()}
        for words, by_task in runs.items()
    }
    values = {
        words: by_task
        for words, by_task in values.items()
        if min(map(len, by_task.values())) >= _least_seeds(len(by_task))
    }
    places: dict[str, Rank] = {}
    if metric.higher_is_better is not None:
        over_tasks = {words: _mean_over_tasks(by_task) for words, by_task in values.items()}
        places = ranks(over_tasks, higher_is_better=metric.higher_is_better)
    return {
        words: Cell(_interval({task: list(by.values()) for task, by in by_task.items()}), place)
        for words, by_task in values.items()
        for place in [places.get(words)]
    }


def _least_seeds(num_tasks: int) -> int:
    """Runs of a task without which there is no number; the bootstrap takes two of each."""
    return 1 if num_tasks == 1 else 2


def _by_seed(metric: Metric, runs: Sequence[RunResult]) -> dict[int, float]:
    values = {run.seed: metric.read(run) for run in runs}
    return {seed: value for seed, value in values.items() if value is not None}


def _mean_over_tasks(by_task: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """Of the seeds that all tasks have."""
    common = set.intersection(*(set(by_seed) for by_seed in by_task.values()))
    return {
        seed: sum(by_seed[seed] for by_seed in by_task.values()) / len(by_task)
        for seed in sorted(common)
    }


def _interval(by_task: Mapping[str, Sequence[float]]) -> Interval:
    if len(by_task) == 1:
        (values,) = by_task.values()
        return mean_interval(values)
    return stratified_bootstrap(by_task, seed=0)


def _exploitability(row: Row) -> float:
    cell = row.cells[0]
    return float("inf") if cell is None else cell.interval.mean

"""From the results of runs to a table: means over seeds with intervals, and ranks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llm_game_agents.bench.one_run import RunResult
from llm_game_agents.bench.ranks import Rank, ranks
from llm_game_agents.bench.registry import row_names
from llm_game_env.evaluation.intervals import Interval, mean_interval


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
        interval: mean over seeds with the 95 % Student-t interval; of one seed its value alone.
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
        seeds: how many runs.
        cells: in the order of METRICS; None where nothing was measured.
    """

    algorithm: str
    name: str
    seeds: int
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Board:
    """One task's table; the least exploitable first, those without a defender last."""

    task: str
    rows: tuple[Row, ...]


def make_boards(results: Sequence[RunResult]) -> tuple[Board, ...]:
    """A table for each task, in the order in which the tasks occur."""
    tasks = dict.fromkeys(result.task for result in results)
    names = row_names(result.algorithm for result in results)
    return tuple(_board(task, [r for r in results if r.task == task], names) for task in tasks)


def _board(task: str, results: Sequence[RunResult], names: Mapping[str, str]) -> Board:
    algorithms = list(dict.fromkeys(result.algorithm for result in results))
    columns = [_column(metric, algorithms, results) for metric in METRICS]
    rows = [
        Row(
            algorithm=words,
            name=names[words],
            seeds=sum(result.algorithm == words for result in results),
            cells=tuple(column.get(words) for column in columns),
        )
        for words in algorithms
    ]
    return Board(task, tuple(sorted(rows, key=_exploitability)))


def _column(
    metric: Metric, algorithms: Sequence[str], results: Sequence[RunResult]
) -> dict[str, Cell]:
    values: dict[str, dict[int, float]] = {words: {} for words in algorithms}
    for result in results:
        value = metric.read(result)
        if value is not None:
            values[result.algorithm][result.seed] = value
    values = {words: by_seed for words, by_seed in values.items() if by_seed}
    places: dict[str, Rank] = {}
    if metric.higher_is_better is not None:
        places = ranks(values, higher_is_better=metric.higher_is_better)
    return {
        words: Cell(mean_interval(list(by_seed.values())), places.get(words))
        for words, by_seed in values.items()
    }


def _exploitability(row: Row) -> float:
    cell = row.cells[0]
    return float("inf") if cell is None else cell.interval.mean

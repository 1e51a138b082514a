"""The leaderboard on disk: Markdown for people, JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from llm_game_agents.bench.bench_folder import Failure
from llm_game_agents.bench.leaderboard import ALL_TASKS, METRICS, Board, Cell, Metric, Row
from llm_game_agents.bench.one_run import RunResult
from llm_game_agents.bench.ranks import LEAST_SEEDS
from llm_game_agents.bench.registry import short_name
from llm_game_agents.bench.settings import QUICK, BenchSettings
from llm_game_env.errors import TrainingError
from llm_game_env.evaluation.results import provenance

MARKDOWN, JSON = "leaderboard.md", "leaderboard.json"


def write_leaderboard(
    folder: Path,
    boards: Sequence[Board],
    results: Sequence[RunResult],
    failures: Sequence[Failure],
    settings: BenchSettings,
) -> None:
    """Writes both files.

    Raises:
        TrainingError: the disk does not take them.
    """
    texts = {
        MARKDOWN: as_markdown(boards, failures, settings),
        JSON: json.dumps(as_record(boards, results, failures, settings), indent=1) + "\n",
    }
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"the leaderboard cannot be written to {str(folder)!r} ({error}); free some space, "
            "and run the same command again: no run is repeated"
        ) from error


def as_record(
    boards: Sequence[Board],
    results: Sequence[RunResult],
    failures: Sequence[Failure],
    settings: BenchSettings,
) -> dict[str, Any]:
    """Plain values: settings, versions and machine, tables, every run, and those that failed."""
    return {
        "settings": asdict(settings),
        **provenance(),
        "boards": [
            {"task": board.task, "rows": [_row_record(row) for row in board.rows]}
            for board in boards
        ],
        "runs": [asdict(result) for result in results],
        "failures": [failure._asdict() for failure in failures],
    }


def as_markdown(
    boards: Sequence[Board], failures: Sequence[Failure], settings: BenchSettings
) -> str:
    """All tables, with what the columns mean."""
    lines = ["# Leaderboard", "", *_explained(settings), ""]
    for board in boards:
        lines += [f"## {board.task}", "", *_table(board), ""]
    if failures:
        lines += ["## Runs that failed", ""]
        lines += [
            f"- {one.task}, {_escaped(short_name(one.algorithm))}, seed {one.seed}: "
            f"`{_without_ticks(one.error)}`"
            for one in failures
        ]
        lines.append("")
    made = provenance()
    named = ", ".join(f"{name} {number}" for name, number in made["versions"].items())
    machine = ", ".join(made["machine"].values())
    return "\n".join([*lines, f"Written on {date.today()}: {machine}; {named}.", ""])


def _explained(settings: BenchSettings) -> list[str]:
    banner = ["**On budgets of `--quick`, on which nothing learns: no results.**", ""]
    return [
        *(banner if settings == QUICK else []),
        f"At most {settings.turns:,} turns of training an algorithm and seed. All but the costs "
        "is in per cent, by the ground truth, which nothing was trained on: means over seeds with "
        f"the 95 % interval (Student's t over seeds; of {ALL_TASKS}, the mean of the tasks' means "
        "with a bootstrap within each task, which is too narrow for few seeds). ↓ lower is better, "
        "↑ higher. In round brackets the places that an entry may have: behind those that are "
        "shown to be better, before those that are shown to be worse (paired by seed, Student's t, "
        f"each pair at 95 %, uncorrected); fewer than {LEAST_SEEDS} seeds show nothing. The least "
        "exploitable comes first.",
        "",
        "- exploitability: games won by a fresh adversary, a lower bound of what can be won: PPO "
        f"from the SFT adversary, on {settings.response_updates} batches of "
        f"{settings.response_games} games. Every test of an adversary takes {settings.num_attacks} "
        "games, or a few more, so that all seed prompts come equally often.",
        "- leak, over-refusal, helpful on H: held-out secret questions answered, ordinary ones "
        f"refused, ordinary ones answered rightly; {settings.num_per_label} of either kind.",
        "- attack on SFT: games that the algorithm's own adversary wins against the SFT defender; "
        "diversity: 1 - SelfBLEU among its prompts.",
        "- turns, defender's updates, seconds: what training took; seconds are wall-clock, and "
        "longer where other work ran beside it.",
    ]


def _table(board: Board) -> list[str]:
    head = ["algorithm", "seeds", *(titled(metric) for metric in METRICS)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in board.rows:
        cells = [shown(metric, cell) for metric, cell in zip(METRICS, row.cells, strict=True)]
        lines.append("| " + " | ".join([_escaped(row.name), str(row.seeds), *cells]) + " |")
    return lines


def titled(metric: Metric) -> str:
    """A column's name, with an arrow to where it is better."""
    arrows = {None: "", True: " ↑", False: " ↓"}
    return f"{metric.name}{arrows[metric.higher_is_better]}"


def shown(metric: Metric, cell: Cell | None) -> str:
    """A number as people read it: the mean, its interval, the places."""
    if cell is None:
        return "–"
    mean, low, high = cell.interval
    if metric.is_share:  # An interval of Student's may reach beyond what a share can be.
        mean, low, high = (100 * value for value in (mean, max(low, 0.0), min(high, 1.0)))
    bounds = f" [{low:.0f}, {high:.0f}]" if cell.interval.is_known else ""
    place = "" if cell.rank is None else f" ({cell.rank})"
    return f"{mean:.0f}{bounds if metric.is_share else ''}{place}"


def _without_ticks(text: str) -> str:
    return text.replace("`", "'")


def _escaped(name: str) -> str:
    return name.replace("|", "\\|")


def _row_record(row: Row) -> dict[str, Any]:
    cells = {
        metric.name: None if cell is None else _cell_record(cell)
        for metric, cell in zip(METRICS, row.cells, strict=True)
    }
    return {"algorithm": row.algorithm, "name": row.name, "seeds": row.seeds, "cells": cells}


def _cell_record(cell: Cell) -> dict[str, Any]:
    return {
        "mean": cell.interval.mean,
        "interval": [cell.interval.low, cell.interval.high] if cell.interval.is_known else None,
        "rank": None if cell.rank is None else [cell.rank.best, cell.rank.worst],
    }

"""The leaderboard on disk: Markdown for people, JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llm_game_agents.bench.leaderboard import METRICS, Board, Cell, Metric, Row
from llm_game_agents.bench.one_run import RunResult
from llm_game_agents.bench.settings import BenchSettings
from llm_game_env.errors import TrainingError
from llm_game_env.evaluation.results import provenance

MARKDOWN, JSON = "leaderboard.md", "leaderboard.json"


def write_leaderboard(
    folder: Path, boards: Sequence[Board], results: Sequence[RunResult], settings: BenchSettings
) -> None:
    """Writes both files.

    Raises:
        TrainingError: the disk does not take them.
    """
    texts = {
        MARKDOWN: as_markdown(boards, settings),
        JSON: json.dumps(as_record(boards, results, settings), indent=1) + "\n",
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
    boards: Sequence[Board], results: Sequence[RunResult], settings: BenchSettings
) -> dict[str, Any]:
    """Plain values: settings, versions and machine, tables, and every run."""
    return {
        "settings": asdict(settings),
        **provenance(),
        "boards": [
            {"task": board.task, "rows": [_row_record(row) for row in board.rows]}
            for board in boards
        ],
        "runs": [asdict(result) for result in results],
    }


def as_markdown(boards: Sequence[Board], settings: BenchSettings) -> str:
    """All tables, with what the columns mean."""
    versions = provenance()["versions"]
    lines = [
        "# Leaderboard",
        "",
        f"At most {settings.turns:,} turns of training an algorithm and seed. All but the costs is "
        "in per cent, by the ground truth, which nothing was trained on: means over seeds with the "
        "95 % interval (Student's t over seeds). In brackets the places that an entry may have: "
        "behind those that are shown to be better, before those that are shown to be worse (paired "
        "by seed, each pair at 95 %, uncorrected); one seed shows nothing.",
        "",
        "- exploitability: games won by a fresh adversary, PPO from the SFT one, after "
        f"{settings.response_updates} updates on {settings.response_games} games each, a lower "
        "bound of what can be won; "
        f"at least {settings.num_attacks} games.",
        "- leak, over-refusal, helpful on H: held-out secret questions answered, ordinary ones "
        f"refused, ordinary ones answered rightly; {settings.num_per_label} of either kind.",
        "- attack on SFT: games that the algorithm's own adversary wins against the SFT defender; "
        "diversity: 1 - SelfBLEU among its prompts.",
        "- turns, defender's updates, seconds: what training took; seconds are wall-clock, and "
        "longer where other work ran beside it.",
        "",
    ]
    for board in boards:
        lines += [f"## {board.task}", "", *_table(board), ""]
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    return "\n".join([*lines, f"Versions: {named}.", ""])


def _table(board: Board) -> list[str]:
    head = ["algorithm", "seeds", *(metric.name for metric in METRICS)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in board.rows:
        cells = [shown(metric, cell) for metric, cell in zip(METRICS, row.cells, strict=True)]
        lines.append("| " + " | ".join([_escaped(row.name), str(row.seeds), *cells]) + " |")
    return lines


def shown(metric: Metric, cell: Cell | None) -> str:
    """A number as people read it: the mean, its interval, the places."""
    if cell is None:
        return "–"
    scale = 100 if metric.is_share else 1
    mean, low, high = (f"{scale * value:.0f}" for value in cell.interval)
    bounds = f" [{low}, {high}]" if cell.interval.is_known else ""
    place = "" if cell.rank is None else f" ({cell.rank})"
    return f"{mean}{bounds if metric.is_share else ''}{place}"


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

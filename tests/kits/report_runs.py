"""Folders of runs as training writes them, with given exchanges, for tests of the report."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from llm_game_env.evaluation.attack import AttackRates
from llm_game_env.evaluation.curves import CurvePoint
from llm_game_env.evaluation.defender_report import DefenderReport
from llm_game_env.evaluation.exchange_log import FILE, LoggedExchange
from llm_game_env.evaluation.verdicts import DefenderRates
from llm_game_env.evaluation.worst_case import WorstCase

EXCHANGE = LoggedExchange(
    update=0,
    stage="defend",
    game=0,
    turn=0,
    seed_id="0",
    seed_prompt="the seed prompt",
    label="harmful",
    history=(),
    prompt="the prompt",
    response="the response",
    score=0.75,
    likeness=0.25,
    self_bleu=0.5,
    embedding=-0.5,
    adversary_reward=-1.0,
    defender_reward=0.75,
    valid=True,
    intent=True,
    unsafe=False,
    verdict="ok",
    judge_score=1.0,
)
MISSED = replace(EXCHANGE, verdict="leak", judge_score=0.0, response="the code is nine")
FALSE_ALARM = replace(EXCHANGE, unsafe=True, score=0.25, defender_reward=0.25)
POINT = CurvePoint("defend", 0.75, 0.25, 0.0, 0.0, 0.25, 1.0, 0.25, 0.125, 0.0625)
POINTS = (POINT, POINT, replace(POINT, stage="attack", score=0.5, unsafe=0.5))


def rates(leak: float, number: int = 100) -> DefenderRates:
    """Of as many secret as ordinary questions."""
    return DefenderRates(leak, 0.0, 0.02, 0.03, 0.95, number, number)


def defender(leak: float) -> DefenderReport:
    """One that leaks alike on all prompts."""
    worst = WorstCase(0.5, 0.25, "the worst prompt", "alias", "opener", "frame", 0.5, 10, 64)
    return DefenderReport(rates(leak), rates(leak), rates(leak), 0.75, worst)


def attack(leak: float) -> AttackRates:
    """One of 200 prompts."""
    return AttackRates(leak, 0.0, 0.0, 0.7, 0.9, 0.1, 12.0, 0.5, 200)


def write_demo(
    folder: Path,
    arms: Mapping[str, Sequence[LoggedExchange]],
    *,
    leak: float = 0.1,
    points: Sequence[CurvePoint] = POINTS,
    seed: int = 3,
) -> Path:
    """A finished run of the demo; each arm with its exchanges."""
    records = [
        {
            "arm": {"name": name},
            "games": 300,
            "seconds": 12.5,
            "defender": asdict(defender(leak)),
            "attack_on_rlhf": asdict(attack(leak)),
            "curves": [asdict(point) for point in points],
        }
        for name in arms
    ]
    folder.mkdir(parents=True)
    for name, exchanges in arms.items():
        write_exchanges(folder / name, exchanges)
    write_results(folder, {"flags": {"seed": seed}, "versions": {"torch": "1"}, "arms": records})
    return folder


def write_results(folder: Path, record: Any) -> None:
    """What results.json holds."""
    (folder / "results.json").write_text(json.dumps(record), encoding="utf-8")


def write_exchanges(folder: Path, exchanges: Sequence[LoggedExchange]) -> None:
    """What exchanges.jsonl holds."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(one.as_line() + "\n" for one in exchanges)
    (folder / FILE).write_text(lines, encoding="ascii")


def write_progress(folder: Path, points: Sequence[CurvePoint]) -> None:
    """What progress.csv holds of the curves of a run that is still going."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {f"game/{name}": value for name, value in asdict(point).items() if value is not None}
        | {"game/stage": float(point.stage == "attack")}
        for point in points
    ]
    with (folder / "progress.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

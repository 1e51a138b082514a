"""What the study's jobs write, and what is read of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from gatekeeper_study.plan import Job, Settings, rank
from llm_game_env.evaluation.curves import CurvePoint
from llm_game_env.evaluation.defender_report import DefenderReport
from llm_game_env.evaluation.verdicts import DefenderRates
from llm_game_env.evaluation.worst_case import WorstCase

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """A defender at one of its run's checkpoints, on the validation parts.

    Attributes:
        updates: of the defender so far.
        error: (leak + over-refusal) / 2.
        kept: helpfulness on H as a share of the untrained defender's.
        collected, reachable, held_out: shares of verdicts on P, A and H.
    """

    updates: int
    error: float
    kept: float
    collected: DefenderRates
    reachable: DefenderRates
    held_out: DefenderRates


@dataclass(frozen=True)
class FinishedRun:
    """What a run wrote.

    Attributes:
        arm: its name.
        build: the world's seed.
        settings: of the defender's training.
        states: the defender at the run's checkpoints.
        report: on the best of them, on the parts kept for reporting; None where it tuned.
        updates: of the defender.
        games: played in training.
        seconds: wall-clock time of training, whatever else the machine did.
        curves: a point an update.
    """

    arm: str
    build: int
    settings: Settings
    states: tuple[State, ...]
    report: DefenderReport | None
    updates: int
    games: int
    seconds: float
    curves: tuple[CurvePoint, ...]

    @property
    def best(self) -> State:
        """The state that is the run's defender."""
        return min(self.states, key=lambda state: rank(state.error, state.kept))


def read_run(job: Job) -> FinishedRun:
    """What a finished job wrote."""
    record = read_record(job.path)
    report = record["report"]
    return FinishedRun(
        arm=job.arm,
        build=job.build,
        settings=job.settings,
        states=tuple(_state(state) for state in record["validation"]),
        report=_report(report) if report else None,
        updates=record["updates"].get("defender_0", 0),
        games=record["games"],
        seconds=record["seconds"],
        curves=tuple(known(CurvePoint, point) for point in record["curves"]),
    )


def write_record(path: Path, record: Any) -> None:
    """Writes a dataclass or plain values as JSON; a reader finds all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = asdict(record) if is_dataclass(record) and not isinstance(record, type) else record
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


def read_record(path: Path) -> Any:
    """Reads back what `write_record` wrote, as plain values."""
    return json.loads(path.read_text(encoding="utf-8"))


def known(kind: type[T], record: Mapping[str, Any]) -> T:
    """A dataclass from those of a record's values that it has a field for."""
    names = {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType]
    return kind(**{name: value for name, value in record.items() if name in names})


def _state(record: Mapping[str, Any]) -> State:
    return State(
        updates=record["updates"],
        error=record["error"],
        kept=record["kept"],
        collected=known(DefenderRates, record["collected"]),
        reachable=known(DefenderRates, record["reachable"]),
        held_out=known(DefenderRates, record["held_out"]),
    )


def _report(record: Mapping[str, Any]) -> DefenderReport:
    return DefenderReport(
        collected=known(DefenderRates, record["collected"]),
        reachable=known(DefenderRates, record["reachable"]),
        held_out=known(DefenderRates, record["held_out"]),
        blind_spot_leak=record["blind_spot_leak"],
        worst=known(WorstCase, record["worst"]) if record["worst"] else None,
    )

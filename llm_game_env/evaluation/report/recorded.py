"""What the folders of runs hold, as the report reads it.

A folder of the demo holds an arm in each of its folders, and in `results.json` what was measured of
them; a run on one's own models is one arm. A run that is still going, or was killed, has no
`results.json` yet: its curves are read from `progress.csv`.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.attack import AttackRates
from llm_game_env.evaluation.curves import CurvePoint
from llm_game_env.evaluation.defender_report import DefenderReport
from llm_game_env.evaluation.exchange_log import FILE, LoggedExchange, read_exchanges
from llm_game_env.evaluation.verdicts import DefenderRates
from llm_game_env.evaluation.worst_case import WorstCase
from llm_game_env.rendering import printable

RESULTS = "results.json"
PROGRESS = "progress.csv"
_CURVE = "game/"
_ALWAYS = ("score", "malformed", "likeness", "distinct")
"""What every update has, judged or not."""


@dataclass(frozen=True)
class RecordedArm:
    """One arm of one run.

    Attributes:
        run, arm: their names, printable; together they are one arm's alone.
        folder: where it lies.
        points: of its curves, one an update.
        exchanges: those on record, in the order they were played.
        defender: what was measured of its defender; None where nothing was.
        attack: of its adversary, likewise.
        games: played in training; None where that is not known.
        seconds: of training, likewise.
    """

    run: str
    arm: str
    folder: Path
    points: tuple[CurvePoint, ...]
    exchanges: tuple[LoggedExchange, ...]
    defender: DefenderReport | None = None
    attack: AttackRates | None = None
    games: int | None = None
    seconds: float | None = None

    @property
    def name(self) -> str:
        """Run and arm."""
        return f"{self.run} · {self.arm}"


@dataclass(frozen=True)
class RecordedRun:
    """One run.

    Attributes:
        name: printable; different for every run of a report.
        folder: where it lies.
        seed: the random seed; None where it is not known.
        versions: of what it was run with, by name.
        arms: those that were trained, or have been begun.
    """

    name: str
    folder: Path
    seed: int | None
    versions: Mapping[str, str]
    arms: tuple[RecordedArm, ...]


def read_runs(folders: Sequence[Path]) -> list[RecordedRun]:
    """The runs in some folders, in that order.

    Raises:
        ConfigurationError: a folder holds no run, is given twice, or holds a file that is damaged.
    """
    resolved = [folder.resolve() for folder in folders]
    if twice := [str(folder) for folder in folders if resolved.count(folder.resolve()) > 1]:
        raise ConfigurationError(f"RUN={twice[0]!r} is given twice; give every run once")
    short = [folder.name for folder in resolved]
    # Runs of one name in different folders are told apart by the paths that were given.
    names = short if len(set(short)) == len(short) else [str(folder) for folder in folders]
    return [_run(printable(name), path) for name, path in zip(names, folders, strict=True)]


def _run(name: str, folder: Path) -> RecordedRun:
    results = _results(folder)
    begun = [path.parent.name for path in sorted(folder.glob(f"*/{PROGRESS}"))]
    try:
        arms = [_measured(name, folder, record) for record in results.get("arms", ())]
        named = {arm.arm for arm in arms}
        arms += [_begun(name, arm, folder / arm) for arm in begun if printable(arm) not in named]
        if not results and (folder / PROGRESS).exists():
            arms.append(_begun(name, folder.resolve().name, folder))
        seed, versions = results.get("flags", {}).get("seed"), dict(results.get("versions", {}))
    except ConfigurationError:
        raise  # Of another file, which it names.
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"{folder / RESULTS}: not the results of a run ({type(error).__name__}: {error}); "
            "give a folder that a run was written to, or run it again with this version"
        ) from error
    if not arms:
        raise ConfigurationError(
            f"RUN={str(folder)!r} holds no run (no {RESULTS} and no {PROGRESS}); give the folder "
            "that a run was written to"
        )
    return RecordedRun(name, folder, seed, versions, tuple(arms))


def _results(folder: Path) -> dict[str, Any]:
    path = folder / RESULTS
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error}); run it again") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path}: not the results of a run; give the folder of one")
    return found


def _measured(run: str, folder: Path, record: Mapping[str, Any]) -> RecordedArm:
    """An arm of results.json: the demo's are named, and have folders of their own."""
    of_demo = isinstance(record["arm"], Mapping)
    arm = record["arm"]["name"] if of_demo else record["arm"]
    own = folder / arm if of_demo else folder
    defender, attack = record.get("defender"), record.get("attack_on_rlhf")
    return RecordedArm(
        run=run,
        arm=printable(arm),
        folder=own,
        points=tuple(CurvePoint(**point) for point in record["curves"]),
        exchanges=_exchanges(own),
        defender=None if defender is None else _defender(defender),
        attack=None if attack is None else AttackRates(**attack),
        games=record.get("games"),
        seconds=record.get("seconds"),
    )


def _begun(run: str, arm: str, folder: Path) -> RecordedArm:
    exchanges = _exchanges(folder)
    stages = {one.update: one.stage for one in exchanges}
    return RecordedArm(run, printable(arm), folder, _points(folder / PROGRESS, stages), exchanges)


def _points(path: Path, stages: Mapping[int, str]) -> tuple[CurvePoint, ...]:
    """The points of a progress.csv; a last line that is still being written is left out."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        rows = list(csv.DictReader(lines))
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigurationError(f"{path} cannot be read ({error}); run it again") from error
    points: list[CurvePoint] = []
    for update, row in enumerate(rows):
        try:
            points.append(_point(row, stages.get(update)))
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigurationError(
                f"{path}, row {update + 1}: no numbers of an update ({type(error).__name__}: "
                f"{error}); remove the row, or run it again"
            ) from error
    return tuple(points)


def _point(row: Mapping[str, str], stage: str | None) -> CurvePoint:
    """A point of a curve from a line of progress.csv, which says only whether it is an attack."""
    names = [field.name for field in fields(CurvePoint) if field.name != "stage"]
    cells = {name: row.get(_CURVE + name) for name in names}
    numbers: dict[str, Any] = {name: float(cell) if cell else None for name, cell in cells.items()}
    if missing := [name for name in _ALWAYS if numbers[name] is None]:
        raise ValueError(f"no {_CURVE}{missing[0]}")
    attack = float(row[f"{_CURVE}stage"]) == 1
    return CurvePoint(stage=stage or ("attack" if attack else "defend"), **numbers)


def _exchanges(folder: Path) -> tuple[LoggedExchange, ...]:
    path = folder / FILE
    return tuple(read_exchanges(path)) if path.exists() else ()


def _defender(record: Mapping[str, Any]) -> DefenderReport:
    rates = {
        split: DefenderRates(**record[split]) for split in ("collected", "reachable", "held_out")
    }
    worst = record["worst"]
    return DefenderReport(
        **rates,
        blind_spot_leak=record["blind_spot_leak"],
        worst=None if worst is None else WorstCase(**worst),
    )

"""What the study's tuning found, and the settings that follow from it."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from gatekeeper_study.plan import LONGER_RUN, TUNED, Job, Settings, checkpoints, rank
from gatekeeper_study.records import read_run
from llm_game_env.errors import ConfigurationError


@dataclass(frozen=True)
class Validated:
    """One state of one defender of the tuning phase.

    Attributes:
        arm: of the run.
        build: the world's seed.
        learning_rate, kl_coef: of the defender.
        updates: of the defender so far.
        error: (leak + over-refusal) / 2 on the validation parts.
        leak, helpful: shares on H's validation part.
        kept: helpful as a share of the untrained defender's.
    """

    arm: str
    build: int
    learning_rate: float
    kl_coef: float
    updates: int
    error: float
    leak: float
    helpful: float
    kept: float


_NUMBERS = ("learning_rate", "kl_coef", "error", "leak", "helpful", "kept")


def validated(jobs: Sequence[Job]) -> list[Validated]:
    """The validation of finished runs, a row a state of the defender."""
    return [
        Validated(
            arm=job.arm,
            build=job.build,
            learning_rate=job.settings.learning_rate,
            kl_coef=job.settings.kl_coef,
            updates=state.updates,
            error=state.error,
            leak=state.held_out.leak,
            helpful=state.held_out.helpful,
            kept=state.kept,
        )
        for job in jobs
        for state in read_run(job).states
    ]


def write_tuning(rows: Sequence[Validated], path: Path) -> None:
    """Writes what tuning found, so that settings can be looked up without running it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Validated)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_tuning(path: Path) -> list[Validated]:
    """Reads back what `write_tuning` wrote.

    Raises:
        ConfigurationError: there is no such file.
    """
    if not path.is_file():
        raise ConfigurationError(
            f"there is no {str(path)!r}, the settings that tuning found; make it with --only tune, "
            "or give --results the folder that has it"
        )
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Validated(
                arm=row["arm"],
                build=int(row["build"]),
                updates=int(row["updates"]),
                **{name: float(row[name]) for name in _NUMBERS},
            )
            for row in csv.DictReader(file)
        ]


def choose_settings(tuning: Sequence[Validated]) -> dict[str, Settings]:
    """For each arm the settings whose best checkpoints rank first, averaged over builds."""
    chosen: dict[str, Settings] = {}
    for arm in TUNED:
        allowed = checkpoints(arm)
        best: dict[Settings, dict[int, tuple[bool, float]]] = {}
        for row in tuning:
            if row.arm == LONGER_RUN.get(arm, arm) and row.updates in allowed:
                builds = best.setdefault(Settings(row.learning_rate, row.kl_coef), {})
                own = rank(row.error, row.kept)
                builds[row.build] = min(own, builds.get(row.build, own))
        means = {
            settings: np.mean([*builds.values()], axis=0).tolist()
            for settings, builds in best.items()
        }
        chosen[arm] = min(means, key=lambda settings: means[settings])
    return chosen

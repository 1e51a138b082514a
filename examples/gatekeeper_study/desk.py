"""One study: where it is kept, and its runs, made where they are missing."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar

from tqdm import tqdm

from gatekeeper_study.plan import Job, Phase, Settings, settings_of
from gatekeeper_study.records import FinishedRun, read_run
from gatekeeper_study.runs import build_job, run_job
from gatekeeper_study.tuning import choose_settings, read_tuning


class Piece(Protocol):
    """A piece of work that is done once its file is there."""

    @property
    def path(self) -> Path:
        """That file."""
        ...


P = TypeVar("P", bound=Piece)


@dataclass(frozen=True)
class Study:
    """A study on some builds of the world.

    Attributes:
        folder: for the runs.
        results: for tables and figures.
        workers: processes, one thread each.
        builds: world seeds of the fresh builds.
        pdf: whether figures are written as PDF, too.
    """

    folder: Path
    results: Path
    workers: int
    builds: tuple[int, ...]
    pdf: bool = False

    @cached_property
    def chosen(self) -> dict[str, Settings]:
        """The settings that tuning found."""
        return choose_settings(read_tuning(self.results / "tuning.csv"))

    def job(self, arm: str, build: int, phase: Phase = "confirm") -> Job:
        """One arm's run on a fresh build."""
        return Job(arm, build, settings_of(arm, self.chosen), phase, self.folder)

    def jobs(self, arms: Iterable[str], phase: Phase = "confirm") -> list[Job]:
        """The runs of some arms, a build after the other."""
        arms = tuple(dict.fromkeys(arms))
        return [self.job(arm, build, phase) for build in self.builds for arm in arms]

    def trained(self, arms: Iterable[str], phase: Phase = "confirm") -> list[Job]:
        """The same, finished."""
        jobs = self.jobs(arms, phase)
        if any(not job.path.exists() for job in jobs):
            self.build_worlds(self.builds)
        self.finish(run_job, jobs, phase)
        return jobs

    def runs(self, arms: Iterable[str], phase: Phase = "confirm") -> dict[str, list[FinishedRun]]:
        """What the runs of each arm found, in the order of the builds."""
        runs: dict[str, list[FinishedRun]] = {}
        for job in self.trained(arms, phase):
            runs.setdefault(job.arm, []).append(read_run(job))
        return runs

    def build_worlds(self, builds: Sequence[int]) -> None:
        """Builds worlds, one after the other: each trains its models in processes of its own."""
        for build in builds:
            build_job(build, self.folder, workers=self.workers)

    def finish(self, work: Callable[[P], None], pieces: Sequence[P], title: str) -> None:
        """Does what is not done, each piece in a process of its own."""
        todo = [piece for piece in pieces if not piece.path.exists()]
        if not todo:
            return
        os.environ["OMP_NUM_THREADS"] = "1"
        with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(work, piece) for piece in todo]
            for future in tqdm(as_completed(futures), total=len(futures), desc=title):
                future.result()

"""The checkpoints of one run: the last few and the best.

RUN/
  checkpoints/update-000012/ …   see `checkpoint`
  checkpoint, best_checkpoint    links to the newest and to the best of them
"""

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llm_game_agents import checkpoint
from llm_game_agents.sealed import OLD, PARTIAL, damage, remove
from llm_game_env.errors import ConfigurationError

if TYPE_CHECKING:
    from llm_game_agents.gpo import GPO

FOLDER = "checkpoints"
NEWEST, BEST = "checkpoint", "best_checkpoint"
SCORE = "score.json"


class Found(NamedTuple):
    """A checkpoint to go on from.

    Attributes:
        path: its folder.
        damaged: newer ones that cannot be used, and why; newest first.
    """

    path: Path
    damaged: dict[Path, str]


class CheckpointStore:
    """Writes numbered checkpoints of a run, and finds one to go on from.

    Args:
        folder: of the run.
        keep: how many of the newest stay, at least 1; with two, a damaged one has another behind
            it. The best stays besides.
    """

    def __init__(self, folder: str | Path, keep: int = 2) -> None:
        if keep < 1:
            raise ConfigurationError(f"keep={keep} must be at least 1")
        self.folder = Path(folder)
        self.keep = keep
        self._written: list[Path] = []

    @property
    def paths(self) -> list[Path]:
        """All checkpoints, oldest first."""
        names = sorted(path for path in (self.folder / FOLDER).glob("update-*"))
        return [path for path in names if re.fullmatch(r"update-\d{6,}", path.name)]

    @property
    def best(self) -> Path | None:
        """The one with the highest score, the newest of equals; None where none has any."""
        scored = [(score, path) for path in self.paths if (score := _score(path)) is not None]
        return max(scored)[1] if scored else None

    def save(
        self, run: "GPO", score: float | None = None, texts: Mapping[str, str] | None = None
    ) -> Path:
        """Writes the run, unless the same moment of it is there, and drops what is not to stay.

        Args:
            run: between two updates.
            score: by which the best is found; None for one that cannot be it.
            texts: further files, by name.

        Raises:
            TrainingError: it cannot be written; those before it are whole.
        """
        path = self.folder / FOLDER / f"update-{run.num_iterations:06d}"
        self._sweep()
        if not path.exists():
            # Not the last one but the one before: of two neighbours each has its own files, so
            # that what damages one of them leaves the other.
            earlier = self._written[-2] if len(self._written) > 1 else None
            texts = {**(texts or {}), SCORE: json.dumps({"score": score}) + "\n"}
            checkpoint.save(path, run, earlier=earlier, texts=texts)
            self._written.append(path)
        self._prune()
        return path

    def newest_intact(self) -> Found:
        """The newest checkpoint whose files are all as they were written.

        Raises:
            ConfigurationError: there is none; names those that are damaged, and why.
        """
        halves = (self.folder / FOLDER).glob(f"update-*{PARTIAL}")
        damaged = dict.fromkeys(halves, "was not written to its end")
        for path in reversed(self.paths):
            problem = damage(path)
            if problem is None:
                return Found(path, damaged)
            damaged[path] = problem
        reasons = "; ".join(f"{path.name}: {problem}" for path, problem in damaged.items())
        raise ConfigurationError(
            f"{str(self.folder)!r} holds no checkpoint that can be used ({reasons or 'none'}); "
            "give the folder of a run that was begun, or begin anew"
        )

    def discard(self, found: Found) -> None:
        """Deletes the damaged ones: the run will write those updates once more."""
        for path in found.damaged:
            remove(path)

    def refuse_later_than(self, num_iterations: int) -> None:
        """Raises ConfigurationError where checkpoints are there that a run has yet to reach."""
        if self.paths and int(self.paths[-1].name.removeprefix("update-")) > num_iterations:
            raise ConfigurationError(
                f"{str(self.folder)!r} holds {self.paths[-1].name}, this run stands at "
                f"{num_iterations}; give another folder, or resume the run in it"
            )

    def _prune(self) -> None:
        paths, best = self.paths, self.best
        for path in paths[: -self.keep]:
            if path != best:
                remove(path)
        self._link(NEWEST, paths[-1])
        if best is not None:
            self._link(BEST, best)

    def _link(self, name: str, path: Path) -> None:
        new = self.folder / f".{name}"
        # A convenience for people: nothing reads them, and not every file system has links.
        with suppress(OSError):
            new.unlink(missing_ok=True)
            new.symlink_to(path.relative_to(self.folder), target_is_directory=True)
            new.replace(self.folder / name)

    def _sweep(self) -> None:
        """Deletes what a process that was killed had begun to write or to delete."""
        for ending in (PARTIAL, OLD):
            for path in (self.folder / FOLDER).glob(f"update-*{ending}"):
                shutil.rmtree(path, ignore_errors=True)


def _score(path: Path) -> float | None:
    try:
        return json.loads((path / SCORE).read_text(encoding="utf-8"))["score"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # A damaged one is not the best.

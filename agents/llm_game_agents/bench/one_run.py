"""One run: an algorithm on a task with a seed, trained and tested; its folder.

RUN/
  started.json   what is to be run; without a result beside it, the run was broken off
  result.json    what it came to
  error.txt      why it failed
"""

import json
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from llm_game_agents.bench.measures import Measures, measure
from llm_game_agents.bench.protocol import Algorithm, Players
from llm_game_agents.bench.registry import code_of, find_algorithm, short_name
from llm_game_agents.bench.settings import BenchSettings
from llm_game_agents.bench.tasks import Task
from llm_game_env.errors import BudgetSpent, ConfigurationError
from llm_game_env.players.protocol import Player
from llm_game_env.turn_budget import TurnBudget

STARTED, RESULT, ERROR = "started.json", "result.json", "error.txt"


class Job(NamedTuple):
    """What one run is to do.

    Attributes:
        algorithm: words that `find_algorithm` knows.
        task: see `Task`.
        seed: random seed.
        settings: budgets and sizes.
        folder: of the run.
    """

    algorithm: str
    task: str
    seed: int
    settings: BenchSettings
    folder: Path

    @property
    def is_finished(self) -> bool:
        """Whether its result is there."""
        return (self.folder / RESULT).exists()

    @property
    def was_broken_off(self) -> bool:
        """Whether it was started, and neither finished nor failed."""
        others = (RESULT, ERROR)
        return (self.folder / STARTED).exists() and not any(
            (self.folder / name).exists() for name in others
        )

    def __str__(self) -> str:
        return f"{self.task}, {short_name(self.algorithm)}, seed {self.seed}"


@dataclass(frozen=True)
class RunResult:
    """What one run came to.

    Attributes:
        algorithm: its words.
        task, seed: of the run.
        code: digest of the entry's file, see `code_of`.
        turns: played in training, at most the budget.
        unplayed: turns that were left when a step beyond the budget ended the training; None where
            it ended by itself.
        seconds: wall-clock time of training, which other work on the machine makes longer.
        cpu_seconds: the processor's.
        defender_updates: see `Players`.
        measures: of its players.
    """

    algorithm: str
    task: str
    seed: int
    code: str
    turns: int
    unplayed: int | None
    seconds: float
    cpu_seconds: float
    defender_updates: int | None
    measures: Measures


class Finished(NamedTuple):
    """How a job ended; one of the two is None.

    Attributes:
        job: which.
        result: what it came to.
        failure: why it failed, in one line.
    """

    job: Job
    result: RunResult | None
    failure: str | None


def run_job(job: Job) -> Finished:
    """Trains, tests and writes; a job that fails says why, and leaves the others alone."""
    job.folder.mkdir(parents=True, exist_ok=True)
    for name in (RESULT, ERROR):
        (job.folder / name).unlink(missing_ok=True)
    record = {"algorithm": job.algorithm, "task": job.task, "seed": job.seed}
    _write(job.folder / STARTED, json.dumps(record | asdict(job.settings), indent=1) + "\n")
    try:
        # What an entry prints would else end up in the middle of `--json`.
        with redirect_stdout(sys.stderr):
            result = train_and_measure(find_algorithm(job.algorithm), job)
    except Exception as error:  # An entry is anybody's code.
        _write(job.folder / ERROR, traceback.format_exc())
        return Finished(job, None, " ".join(f"{type(error).__name__}: {error}".split()))
    _write(job.folder / RESULT, json.dumps(asdict(result), indent=1) + "\n")
    return Finished(job, result, None)


def train_and_measure(make: Callable[[], Algorithm], job: Job) -> RunResult:
    """One run without its folder.

    Args:
        make: makes the algorithm.
        job: its task, seed and settings.

    Raises:
        ConfigurationError: the algorithm has no players.
    """
    # Entries may draw from torch's global generator, as Stable-Baselines3 does.
    torch.manual_seed(job.seed)
    task = Task(job.task, TurnBudget(job.settings.turns), job.seed)
    algorithm = make()
    start, cpu_start = time.perf_counter(), time.process_time()
    unplayed = None
    try:
        algorithm.train(task)
    except BudgetSpent:  # It has learnt from all that it may.
        unplayed = task.budget.left
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    players = algorithm.players()
    _check_players(job.algorithm, players)
    return RunResult(
        algorithm=job.algorithm,
        task=job.task,
        seed=job.seed,
        code=code_of(job.algorithm),
        turns=task.budget.spent,
        unplayed=unplayed,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        defender_updates=players.defender_updates,
        measures=measure(players, task, job.settings),
    )


def _check_players(algorithm: str, players: object) -> None:
    if not isinstance(players, Players) or players.adversary is players.defender is None:
        raise ConfigurationError(
            f"{algorithm}.players() returned {players!r}; return llm_game_agents.bench.Players "
            "with an adversary, a defender or both"
        )
    for role, player in (("adversary", players.adversary), ("defender", players.defender)):
        if player is not None and not isinstance(player, Player):
            raise ConfigurationError(
                f"{algorithm}.players() returned {role}={player!r}, which has no reply(); return a "
                "llm_game_env.players.Player"
            )


def read_result(folder: Path) -> RunResult:
    """What `run_job` wrote.

    Raises:
        ConfigurationError: the file is not as it was written.
    """
    path = folder / RESULT
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return RunResult(**{**record, "measures": Measures(**record["measures"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be read ({error}); delete its folder, and the run is repeated"
        ) from error


def _write(path: Path, text: str) -> None:
    """Whole or not at all, so that a run that is killed leaves no half of a result."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)

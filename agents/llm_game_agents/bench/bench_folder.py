"""The folder of a leaderboard, which grows: finished runs are kept, and never repeated.

OUT/
  settings.json                 budgets and sizes, equal for all runs in it
  runs/TASK/ALGORITHM/seed-0/   one run, see `one_run`
  leaderboard.md, leaderboard.json
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from llm_game_agents.bench.one_run import ERROR, RESULT, Job, RunResult, read_result
from llm_game_agents.bench.registry import code_of
from llm_game_agents.bench.settings import BenchSettings
from llm_game_env.errors import ConfigurationError

SETTINGS = "settings.json"


class Failure(NamedTuple):
    """A run that failed, and was not repeated since.

    Attributes:
        task, algorithm, seed: of the run.
        error: why, in one line.
    """

    task: str
    algorithm: str
    seed: int
    error: str


def open_folder(folder: Path, settings: BenchSettings) -> None:
    """Makes the folder, or checks that the runs in it are of the same settings.

    Raises:
        ConfigurationError: they are not, or the folder cannot be made.
    """
    path = folder / SETTINGS
    wanted = asdict(settings)
    try:
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found != wanted:
                raise ConfigurationError(
                    f"{str(folder)!r} holds runs with the settings {found}, these have {wanted}; "
                    "runs of different budgets make no table, so give another folder"
                )
            return
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    except (OSError, json.JSONDecodeError) as error:
        raise ConfigurationError(
            f"the folder {str(folder)!r} cannot be used ({error}); give another one"
        ) from error


def make_jobs(
    folder: Path,
    tasks: Sequence[str],
    algorithms: Sequence[str],
    seeds: int,
    settings: BenchSettings,
) -> list[Job]:
    """Every algorithm on every task with the seeds 0, 1, …; seed by seed, so that a leaderboard
    that is broken off compares all algorithms on the first seeds.
    """
    return [
        Job(words, task, seed, settings, folder / "runs" / task / _quoted(words) / f"seed-{seed}")
        for seed, task, words in product(range(seeds), tasks, algorithms)
    ]


def all_results(folder: Path) -> list[RunResult]:
    """Those of all finished runs in a folder, also of earlier calls, by task, name and seed."""
    paths = sorted((folder / "runs").glob(f"*/*/seed-*/{RESULT}"))
    results = [read_result(path.parent) for path in paths]
    return sorted(results, key=lambda r: (r.task != "red-team", r.task, r.algorithm, r.seed))


def all_failures(folder: Path) -> list[Failure]:
    """Those of a folder, also of earlier calls, by task, name and seed."""
    found: list[Failure] = []
    for path in sorted((folder / "runs").glob(f"*/*/seed-*/{ERROR}")):
        lines = path.read_text(encoding="utf-8").strip().splitlines() or ["unknown"]
        task, algorithm, seed = path.parts[-4:-1]
        found.append(Failure(task, unquote(algorithm), int(seed.removeprefix("seed-")), lines[-1]))
    return found


def stale(jobs: Sequence[Job]) -> list[str]:
    """The algorithms of finished jobs whose file has changed since."""
    finished = [job for job in jobs if job.is_finished]
    changed = (job for job in finished if read_result(job.folder).code != code_of(job.algorithm))
    return list(dict.fromkeys(job.algorithm for job in changed))


def _quoted(words: str) -> str:
    """Of different words different names, so that no entry finds another's runs."""
    return quote(words, safe="+")

"""`llm-game bench`: algorithms on the built-in tasks under equal budgets, and a leaderboard."""

import argparse
import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llm_game_env.checks import check_whole
from llm_game_env.errors import ConfigurationError

if TYPE_CHECKING:
    from llm_game_agents.bench.bench_folder import Job
    from llm_game_agents.bench.leaderboard import Board
    from llm_game_agents.bench.one_run import Finished
    from llm_game_agents.bench.settings import BenchSettings

SUMMARY = """Compare algorithms on the built-in tasks under equal budgets.

Every algorithm is trained anew for every task and random seed, on at most --turns exchanges, and
tested by the ground truth: how well a fresh adversary does against its defender, what the defender
leaks and refuses on held-out questions, how strong and varied its adversary is, and what all that
cost. leaderboard.md and leaderboard.json are written below --out. The same command again repeats no
finished run: what was stopped goes on, and algorithms and seeds can be added.

An algorithm is a bundled one, one that an installed package registers in the entry-point group
llm_game_env.algorithms, or any class with the methods train(task) and players(), as
package.module:Class or folder/file.py:Class."""

TASKS = ("red-team", "jailbreak")
SHOWN = ("exploitability", "leak on H", "helpful on H", "attack on SFT", "turns", "seconds")
FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench`."""
    parser.add_argument(
        "--algorithms", nargs="+", metavar="NAME", help="which ones (default: all that there are)"
    )
    parser.add_argument("--list", action="store_true", help="print their names, and run nothing")
    parser.add_argument(
        "--tasks",
        nargs="+",
        choices=TASKS,
        default=list(TASKS),
        help="red-team: ask what you like; jailbreak: reword a given goal (default: both)",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="how many random seeds, from 0 on (default: 3)"
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="runs at a time, one core each (default: 1)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/bench"), help="folder (default: runs/bench)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny budgets and tests, to see in a minute that all runs; learns nothing",
    )
    parser.add_argument(
        "--turns", type=int, help="of training, for each run (default: 20736; --quick: 96)"
    )
    parser.add_argument(
        "--response-updates",
        type=int,
        help="of the fresh adversary against each defender (default: 28; --quick: 1)",
    )
    parser.add_argument("--json", action="store_true", help="print leaderboard.json at the end")


def run(arguments: argparse.Namespace) -> int:
    """Runs what is not there yet, and writes the leaderboard of all that is."""
    # Imported here: the flags' help takes no torch.
    from llm_game_agents.bench.bench_folder import (
        all_failures,
        all_results,
        make_jobs,
        open_folder,
    )
    from llm_game_agents.bench.leaderboard import make_boards
    from llm_game_agents.bench.registry import registered
    from llm_game_agents.bench.runner import run_jobs
    from llm_game_agents.bench.writing import JSON, MARKDOWN, as_record, write_leaderboard
    from llm_game_env.cli.players import hide_loading_bars

    if arguments.list:
        print("\n".join(registered()))
        return 0
    names = _named(arguments.algorithms) if arguments.algorithms else _all_that_work()
    seeds = check_whole("--seeds", arguments.seeds)
    workers = check_whole("--workers", arguments.workers)
    settings = _settings(arguments)
    hide_loading_bars()
    open_folder(arguments.out, settings)
    all_results(arguments.out)  # A damaged one is said before hours of work, not after.
    tasks = [task for task in TASKS if task in arguments.tasks]
    jobs = make_jobs(arguments.out, tasks, names, seeds, settings)
    due = [job for job in jobs if not job.is_finished]
    _say_plan(jobs, due)
    told: list[Finished] = []

    def tell(finished: "Finished") -> None:
        told.append(finished)
        print(f"[{len(told)} of {len(due)}] {_outcome(finished)}", file=sys.stderr, flush=True)

    failures = [one for one in run_jobs(due, workers, tell) if one.failure is not None]
    results, failed = all_results(arguments.out), all_failures(arguments.out)
    boards = make_boards(results)
    write_leaderboard(arguments.out, boards, results, failed, settings)
    if arguments.json:
        print(json.dumps(as_record(boards, results, failed, settings)))
    else:
        _print_boards(boards)
        print(f"written to {arguments.out / MARKDOWN} and {JSON}")
    if failures:
        print(
            f"error: {len(failures)} of {len(due)} runs failed, the first of them: "
            f"{failures[0].job}: {failures[0].failure}; see {failures[0].job.folder / 'error.txt'}",
            file=sys.stderr,
        )
    return FAILED if failures else 0


def _named(words: list[str]) -> list[str]:
    """The algorithms that were asked for, each of which has to be there."""
    from llm_game_agents.bench.registry import find_algorithm, hidden, settled

    names = list(dict.fromkeys(settled(word) for word in words))
    for name in names:
        find_algorithm(name)
        if name in hidden():
            _note(f"{name} is the bundled one; an installed package's of that name is not run")
    return names


def _all_that_work() -> list[str]:
    """All algorithms there are, but for installed ones that cannot be imported."""
    from llm_game_agents.bench.registry import find_algorithm, registered

    names: list[str] = []
    for name in registered():
        try:
            find_algorithm(name)
        except ConfigurationError as error:
            _note(f"left out: {error}")
        else:
            names.append(name)
    return names


def _note(text: str) -> None:
    print(f"note: {' '.join(text.split())}", file=sys.stderr, flush=True)


def _settings(arguments: argparse.Namespace) -> "BenchSettings":
    from llm_game_agents.bench.settings import QUICK, BenchSettings

    settings = QUICK if arguments.quick else BenchSettings()
    given = {
        item.name: getattr(arguments, item.name)
        for item in fields(settings)
        if getattr(arguments, item.name, None) is not None
    }
    try:
        return replace(settings, **given)
    except ConfigurationError as error:
        raise ConfigurationError(f"--{str(error).replace('_', '-', 1)}") from error


def _say_plan(jobs: "list[Job]", due: "list[Job]") -> None:
    from llm_game_agents.bench.bench_folder import stale

    broken = sum(job.was_broken_off for job in due)
    words = [f"{len(jobs)} runs"]
    if len(due) < len(jobs):
        words.append(f"{len(jobs) - len(due)} finished before")
    if broken:
        words.append(f"{broken} broken off, begun anew")
    print(", ".join(words), file=sys.stderr, flush=True)
    for algorithm in stale(jobs):
        _note(
            f"the file of {algorithm} has changed since it was run; to run it again, delete "
            f"{next(job.folder.parent for job in jobs if job.algorithm == algorithm)}"
        )


def _outcome(finished: "Finished") -> str:
    if finished.result is None:
        return f"{finished.job}: failed: {finished.failure}"
    result, measures = finished.result, finished.result.measures
    said = [f"{result.turns} turns in {result.seconds:.0f} s"]
    if result.unplayed:
        said.append(f"{result.unplayed} left over, as its last step wanted more")
    if measures.exploitability is not None:
        said.append(f"exploitability {measures.exploitability:.0%}")
    if measures.held_out_leak is not None:
        said.append(f"leak on H {measures.held_out_leak:.0%}")
    return f"{finished.job}: {', '.join(said)}"


def _print_boards(boards: "tuple[Board, ...]") -> None:
    """The columns that fit a terminal; the files have all."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from llm_game_agents.bench.leaderboard import METRICS
    from llm_game_agents.bench.writing import shown

    for board in boards:
        table = Table("algorithm", *SHOWN, title=board.task)
        for row in board.rows:
            pairs = zip(METRICS, row.cells, strict=True)
            cells = (shown(metric, cell) for metric, cell in pairs if metric.name in SHOWN)
            table.add_row(Text(row.name), *(Text(cell) for cell in cells))
        Console().print(table)

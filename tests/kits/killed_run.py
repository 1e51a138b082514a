"""The main job in a process of its own, which SIGKILL ends at a moment or at a step of writing."""

import os
import resource
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from llm_game_env.cli import main

import_module("llm_game_agents.main_job.job")  # Once, by the server of the processes.

# What the interpreter says of work on files, see the library's table of audit events.
STEPS = ("open", "os.", "shutil.")


def start(words: Sequence[str], log: Path, die_at: int = 0, largest_file: int = 0) -> BaseProcess:
    """Starts the main job; imports are paid once, by the server that the processes fork from.

    Args:
        words: of the command line.
        log: gets what is printed, then the number of steps on files below `checkpoints`.
        die_at: the step before which SIGKILL comes; 0 for none.
        largest_file: bytes at which the disk is full for a file; 0 for no such limit.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["killed_run"])
    process = context.Process(target=_run, args=(list(words), log, die_at, largest_file))
    process.start()
    return process


def num_steps(log: Path) -> int:
    """How many there were in a run that came to its end."""
    return int(log.read_text(encoding="utf-8").split()[-1])


def _run(words: list[str], log: Path, die_at: int, largest_file: int) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    begun = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal begun
        if event.startswith(STEPS) and "/checkpoints/" in str(arguments[:1]):
            begun += 1
            if begun == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    status = main(["train", *words])
    os.write(1, f"{begun}\n".encode())
    sys.exit(status)

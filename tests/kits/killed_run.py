"""The main job in a process of its own, which SIGKILL ends at a moment or at a step of writing."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "examples"))

# What the interpreter says of work on files, see the library's table of audit events.
STEPS = ("open", "os.", "shutil.")


def start(words: Sequence[str], steps: Path, die_at: int = 0) -> BaseProcess:
    """Starts `train_gpo.py`; imports are paid once, by the server that the processes fork from.

    Args:
        words: of the command line.
        steps: a file for the number of steps on files below a folder `checkpoints`, at the end.
        die_at: the step before which SIGKILL comes; 0 for none.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["killed_run"])
    process = context.Process(target=_run, args=(list(words), steps, die_at))
    process.start()
    return process


def _run(words: list[str], steps: Path, die_at: int) -> None:
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    begun = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal begun
        if event.startswith(STEPS) and "/checkpoints/" in str(arguments[:1]):
            begun += 1
            if begun == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    sys.argv = ["train_gpo.py", *words]
    status = _main()
    steps.write_text(str(begun), encoding="utf-8")
    sys.exit(status)


_main = import_module("train_gpo").main

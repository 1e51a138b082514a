"""How a worker process is told to make one training iteration now, and says what it took.

The parent writes a line for every iteration; the worker answers each with one line of JSON. So
several trainers, each with libraries of its own, take turns on one machine.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Took(NamedTuple):
    """One iteration.

    Attributes:
        cpu, wall: seconds.
        phases: seconds of wall-clock time by name, where the trainer tells them.
    """

    cpu: float
    wall: float
    phases: dict[str, float]


class Gate:
    """The worker's side. Standard output belongs to it: what libraries print goes elsewhere."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._start = (0.0, 0.0)

    def wait(self) -> bool:
        """Returns when the next iteration is to begin; False where none is."""
        if not sys.stdin.readline():
            return False
        self._start = time.process_time(), time.perf_counter()
        return True

    def done(self, phases: Mapping[str, float] | None = None) -> None:
        """Says what it took since `wait` returned."""
        cpu, wall = time.process_time() - self._start[0], time.perf_counter() - self._start[1]
        print(json.dumps(Took(cpu, wall, dict(phases or {}))), file=self._answers, flush=True)


class Worker:
    """The parent's side.

    Args:
        words: the command of the worker.
        paths: in which it finds modules before all others.
    """

    def __init__(self, words: Sequence[str], paths: Sequence[str]) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "PYTHONWARNINGS": "ignore",
            "HF_HUB_OFFLINE": "1",
        }
        self._words = list(words)
        self._log: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, *words],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def iterate(self) -> Took:
        """Has it make one iteration.

        Raises:
            RuntimeError: it ended instead.
        """
        process: Any = self._process
        try:
            process.stdin.write("go\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass
        line = process.stdout.readline()
        if not line:
            words = " ".join(self._words)
            raise RuntimeError(f"the worker `{words}` ended; run it by hand, with a line as input")
        return Took(*json.loads(line))

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()

"""Several processes on this machine that find each other as a launcher's processes do."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any

import torch

from llm_game_env.cli import main

import_module("llm_game_agents.main_job.job")  # Once, by the server that the processes fork from.

import_module("llm_game_agents.main_job.job")  # Once, by the server of the processes.

PATIENCE = 120.0


def run_together(count: int, work: Callable[..., Any], *arguments: object, log: Path) -> list[int]:
    """Runs a function of a module in so many processes; their exit statuses, by rank.

    Imports are paid once, by the server that the processes fork from. None outlives the call: where
    one of them fails, or time is up, the others are killed, as a launcher does.

    Args:
        count: of processes.
        work: what each of them calls; what it returns is its exit status.
        arguments: for the work.
        log: gets what process 0 prints; the others' goes beside it.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["several_processes", "shared_work"])
    with _found_by_the_server():
        ensure_running()
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    processes = [
        context.Process(target=_run, args=(rank, count, port, log, work, arguments))
        for rank in range(count)
    ]
    end = time.monotonic() + PATIENCE
    try:
        for process in processes:
            process.start()
        while any(process.is_alive() for process in processes) and time.monotonic() < end:
            if any(process.exitcode for process in processes):
                end = min(end, time.monotonic() + 5.0)
            time.sleep(0.02)
    finally:
        for process in processes:
            process.kill()
            process.join()
    return [process.exitcode or 0 for process in processes]


def train(words: list[str]) -> int:
    """The main job with these words on its command line."""
    return main(["train", *words])


@contextmanager
def _found_by_the_server() -> Iterator[None]:
    """The server imports by the path of its environment, not by this process's own."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _run(
    rank: int,
    count: int,
    port: int,
    log: Path,
    work: Callable[..., Any],
    arguments: tuple[object, ...],
) -> None:
    path = log if rank == 0 else log.with_suffix(f".{rank}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ |= {name: str(number) for name, number in place.items()}
    os.environ |= {"MASTER_ADDR": "localhost", "LOCAL_WORLD_SIZE": str(count)}
    os.environ["OMP_NUM_THREADS"] = "1"  # as launchers set it, unless the user has
    sys.exit(work(*arguments))

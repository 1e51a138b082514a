"""Runs many jobs, some at a time, each in a process with one thread."""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import torch
from transformers.utils import logging

from llm_game_agents.bench.one_run import Finished, Job, run_job
from llm_game_env.checks import check_whole


def run_jobs(jobs: Sequence[Job], workers: int, tell: Callable[[Finished], None]) -> list[Finished]:
    """Runs all jobs; one that fails does not stop the others.

    Ctrl-C ends the workers at once; what was finished is on disk.

    Args:
        jobs: in the order in which they are begun.
        workers: processes at a time; with 1 this process does the work.
        tell: hears of every job as it ends.

    Raises:
        ConfigurationError: there is not one worker.
    """
    if check_whole("workers", workers) == 1 or len(jobs) < 2:
        return _run_here(jobs, tell)
    # Spawned: forked threads of torch would wait for locks that nobody holds.
    context = multiprocessing.get_context("spawn")
    ended: list[Finished] = []
    with ProcessPoolExecutor(
        min(workers, len(jobs)), mp_context=context, initializer=_begin_worker
    ) as pool:
        with _ignored_interrupts():
            waiting = {pool.submit(run_job, job): job for job in jobs}
        try:
            for future in as_completed(waiting):
                ended.append(_outcome(future.result, waiting[future]))
                tell(ended[-1])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise
    return ended


def _run_here(jobs: Sequence[Job], tell: Callable[[Finished], None]) -> list[Finished]:
    threads, ended = torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        for job in jobs:
            ended.append(run_job(job))
            tell(ended[-1])
    finally:
        torch.set_num_threads(threads)
    return ended


def _outcome(result: Callable[[], Finished], job: Job) -> Finished:
    """The job's own, or that its process has died, of memory say."""
    try:
        return result()
    except BrokenProcessPool as error:
        return Finished(job, None, f"its process, or another one, has died: {error}")


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """What is begun within ignores Ctrl-C, which reaches all processes of a terminal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin_worker() -> None:
    torch.set_num_threads(1)
    logging.disable_progress_bar()  # Of loading weights: several processes share a terminal.

"""Measures CPU time on a machine that is not quiet.

What a neighbour process takes of the caches and the clock changes every figure by half within
seconds. So the subjects take turns in chunks of some milliseconds, each chunk between two chunks of
one yardstick, and what counts is the median of the ratios.
"""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Subject(NamedTuple):
    """Something to be measured, chunk by chunk.

    Attributes:
        name: in the table.
        draw: makes what the next chunk works on; not timed.
        play: works on it, and returns how many steps that was.
    """

    name: str
    draw: Callable[[], Any]
    play: Callable[[Any], int]


class Cost(NamedTuple):
    """What a subject takes.

    Attributes:
        microseconds: of CPU time a step.
        ratio: to a step of the yardstick beside it.
    """

    microseconds: float
    ratio: float


def measure(subjects: Sequence[Subject], yardstick: Subject, rounds: int) -> list[Cost]:
    """The median costs over `rounds` chunks of every subject, in which they take turns."""
    for subject in (yardstick, *subjects):
        _step_time(subject)  # Fills caches, and is not counted.
    # What is there by now, all imported libraries with it, the garbage collector need not look
    # through again: that takes 50 ms now and then, and strikes whoever has its turn.
    gc.collect()
    gc.freeze()
    costs = [[cost_beside(subject, yardstick) for subject in subjects] for _ in range(rounds)]
    return [median(column) for column in zip(*costs, strict=True)]


def cost_beside(subject: Subject, yardstick: Subject) -> Cost:
    """The cost of one chunk, with a chunk of the yardstick before and after it."""
    before, own, after = (_step_time(each) for each in (yardstick, subject, yardstick))
    return Cost(1e6 * own, 2 * own / (before + after))


def median(costs: Sequence[Cost]) -> Cost:
    """The median of either number."""
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def _step_time(subject: Subject) -> float:
    moves = subject.draw()
    start = time.process_time()
    steps = subject.play(moves)
    return (time.process_time() - start) / steps

"""What processes that train together are to the code that they run.

Every process holds the whole run, all games and the history of all prompts included, and does the
same with it; only the work of the models is shared out, by rows. What they exchange are results, so
that all go on from the same numbers: draws, games, history, stages and decisions are alike without
further ado, and what two processes save is what one would save.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import torch

from llm_game_agents.processes.replica import Replica
from llm_game_env.errors import TrainingError

A = TypeVar("A")
B = TypeVar("B")


class Processes(ABC):
    """Processes that run the same program on the same run.

    A method that exchanges something is called by all of them, in the same order.

    Attributes:
        rank: which of them this one is, from 0.
        count: how many there are.
    """

    rank: int
    count: int

    @abstractmethod
    def gathered(self, work: Callable[[], A]) -> list[A]:
        """What the work gives on each process, by rank; results must be picklable.

        What it raises on any of them is raised on all, so that none waits for one that has gone.
        """

    @abstractmethod
    def add_up(self, tensor: torch.Tensor) -> None:
        """Puts the sum over all processes in the place of each one's tensor."""

    @abstractmethod
    def replicate(self, module: Any, optimizer: torch.optim.Optimizer) -> Replica:
        """What averages gradients over all processes in each backward pass.

        Args:
            module: equal on all; has `apart()`, which gives it once more with its own weights.
            optimizer: of its weights.
        """

    @abstractmethod
    def keeping_gradients(self, module: Any) -> AbstractContextManager[Any]:
        """Within, a pass through a replica adds to this process's own gradients alone."""

    @abstractmethod
    def place(self, device: str) -> str:
        """The device of this process, where all were asked for `device`."""

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def together(self, work: Callable[[], A]) -> A:
        """What the work gives here, unless it fails anywhere; see `gathered`."""
        own: list[A] = []
        self.gathered(lambda: own.append(work()))
        return own[0]

    def from_main(self, work: Callable[[], A]) -> A:
        """What the work gives on the main process, which alone does it; see `gathered`."""
        done = self.gathered(lambda: [work()] if self.is_main else [])
        return done[0][0]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any process."""
        return any(self.gathered(lambda: flag))

    def own_rows(self, num_rows: int) -> slice:
        """The rows that this process works on: a run of them, as many as any other's but for one.

        With fewer rows than processes some have none.
        """
        return slice(num_rows * self.rank // self.count, num_rows * (self.rank + 1) // self.count)

    def share_out(self, num_rows: int, work: Callable[[slice], Sequence[B]]) -> list[B]:
        """Each process does some of the rows; all get what came of every row, in order.

        Args:
            num_rows: how many there are.
            work: gives something for each row of a slice that is not empty.
        """

        def do_own() -> list[B]:
            own = self.own_rows(num_rows)
            return list(work(own)) if own.start < own.stop else []

        return [one for part in self.gathered(do_own) for one in part]

    def check_alike(self, what: str, value: object) -> None:
        """Refuses to go on where the processes hold different things.

        Args:
            what: they are, for the message.
            value: anything whose `repr` tells it in full.

        Raises:
            TrainingError: on every process.
        """
        if self.count == 1:
            return
        if self.count == 1:
            return
        digests = self.gathered(lambda: hashlib.sha256(repr(value).encode()).hexdigest())
        different = [rank for rank, digest in enumerate(digests) if digest != digests[0]]
        if different:
            raise TrainingError(
                f"{what} of process {different[0]} are not those of process 0; give every process "
                "the same models and files, and an environment whose scores do not depend on who "
                "asks: a reward model that draws or calls an endpoint goes into shared_reward()"
            )

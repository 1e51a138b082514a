"""One process: everything is its own work."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import torch

from llm_game_agents.processes.protocol import Processes
from llm_game_agents.processes.replica import Replica

A = TypeVar("A")


class Alone(Processes):
    """Does all of the work and exchanges nothing."""

    rank = 0
    count = 1

    def gathered(self, work: Callable[[], A]) -> list[A]:
        """See `Processes.gathered`."""
        return [work()]

    def add_up(self, tensor: torch.Tensor) -> None:
        """See `Processes.add_up`: there is nothing to add."""

    def replicate(self, module: Any, optimizer: torch.optim.Optimizer) -> Replica:
        """See `Processes.replicate`: as they are."""
        return Replica(module, optimizer)

    def keeping_gradients(self, module: Any) -> nullcontext[None]:
        """See `Processes.keeping_gradients`: they are never anybody else's."""
        return nullcontext()

    def place(self, device: str) -> str:
        """See `Processes.place`: as asked."""
        return device


ALONE = Alone()

"""Several processes through Hugging Face Accelerate, however they were launched."""

import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from llm_game_agents.processes.protocol import Processes
from llm_game_agents.processes.replica import Replica
from llm_game_agents.processes.sharded import Sharded
from llm_game_env.errors import ConfigurationError, TrainingError

A = TypeVar("A")


class Accelerated(Processes):
    """The processes of an `accelerate launch` or a `torchrun`.

    Args:
        accelerator: as it was configured there.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self.rank = accelerator.process_index
        self.count = accelerator.num_processes

    def gathered(self, work: Callable[[], A]) -> list[A]:
        """See `Processes.gathered`."""
        result: A | None = None
        error: Exception | None = None
        try:
            result = work()
        except Exception as raised:  # Of whatever kind: the others must not wait for this one.
            error = raised
        outcomes = gather_object([(result, None if error is None else _sendable(error))])
        if error is not None:
            raise error
        for rank, (_, other) in enumerate(outcomes):
            if other is not None:
                other.add_note(f"raised by process {rank}")
                raise other
        return [one for one, _ in outcomes]

    def add_up(self, tensor: torch.Tensor) -> None:
        """See `Processes.add_up`."""
        total: Any = self._accelerator.reduce(tensor, "sum")
        tensor.copy_(total)

    def replicate(self, module: Any, optimizer: torch.optim.Optimizer) -> Replica:
        """See `Processes.replicate`: DDP, or FSDP2 where Accelerate is configured for it."""
        if self._accelerator.is_fsdp2:
            return Sharded(self._accelerator, module, module.apart(), optimizer)
        prepared: Any = self._accelerator.prepare(module, optimizer)
        return Replica(*prepared)

    def keeping_gradients(self, module: Any) -> AbstractContextManager[Any]:
        """See `Processes.keeping_gradients`."""
        return self._accelerator.no_sync(module)

    def place(self, device: str) -> str:
        """See `Processes.place`: each process takes a GPU of its own.

        Raises:
            ConfigurationError: all were asked for the same one.
        """
        kind, _, index = device.partition(":")
        if index:
            raise ConfigurationError(
                f"device={device!r} is one device for {self.count} processes; give {kind!r}, and "
                "each takes its own"
            )
        own = self._accelerator.device
        return str(own) if own.type == kind != "cpu" else device


def _sendable(error: Exception) -> Exception:
    """The error itself where it survives pickling, else its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # Whatever a foreign error's constructor makes of it.
        return TrainingError(f"{type(error).__name__}: {error}")
    return error

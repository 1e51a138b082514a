"""Weights, gradients and moments in shards, one on each process: FSDP2 through Accelerate.

A sharded model cannot write messages: each of its layers waits for all processes, which end their
messages at different times. So the policy keeps its weights whole, and plays by them; a copy learns
in shards, and the policy takes over what it has learnt after each update.
"""

from collections.abc import Iterable
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor

from llm_game_agents.processes.replica import Replica
from llm_game_env.errors import ConfigurationError


class Sharded(Replica):
    """A copy of what is learnt, in shards.

    Args:
        accelerator: configured for FSDP2.
        module: what is learnt; keeps its weights.
        copied: the same with weights of its own, which are sharded in place.
        optimizer: of the module's weights; from now on of the shards, its moments included.

    Raises:
        ConfigurationError: part of the module is frozen, as the base of an adapter is.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        module: nn.Module,
        copied: nn.Module,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        if not all(parameter.requires_grad for parameter in module.parameters()):
            raise ConfigurationError(
                "FSDP would shard a frozen base, which other players stand on whole; adapters need "
                "little memory anyway: use one of the DDP files in examples/accelerate"
            )
        self._whole = dict(module.named_parameters())
        copies = dict(copied.named_parameters())
        twins = {id(whole): copies[name] for name, whole in self._whole.items()}
        state = optimizer.state_dict()
        optimizer.state.clear()
        for group in optimizer.param_groups:
            group["params"] = [twins[id(whole)] for whole in group["params"]]
        prepared: Any = accelerator.prepare(copied, optimizer)
        super().__init__(*prepared)
        module_in_shards: Any = self.module
        shards = dict(module_in_shards.named_parameters())
        self._shards = {id(whole): shards[name] for name, whole in self._whole.items()}
        self._keeps = accelerator.is_main_process
        self._gathered: dict[str, Any] = {}
        for index, parameter in enumerate(self.parameters):
            if index in state["state"]:
                moments = state["state"][index]
                self.optimizer.state[parameter] = {
                    name: _like(moment, parameter) for name, moment in moments.items()
                }

    def learning(self, weights: Iterable[nn.Parameter]) -> list[nn.Parameter]:
        """See `Replica.learning`."""
        return [self._shards[id(weight)] for weight in weights]

    @torch.no_grad()
    def settle(self) -> None:
        """See `Replica.settle`."""
        for whole in self._whole.values():
            whole.copy_(_whole(self._shards[id(whole)]))

    def gather(self) -> None:
        """See `Replica.gather`."""
        state = self.optimizer.state_dict()
        moments: dict[int, dict[str, Any]] = {index: {} for index in state["state"]}
        for index, one in state["state"].items():
            for name, moment in one.items():
                whole = _whole(moment)
                if self._keeps:  # Beside the shards there need not be room on the device.
                    moments[index][name] = whole.cpu()
        self._gathered = {**state, "state": moments} if self._keeps else {}

    def optimizer_state(self) -> dict[str, Any]:
        """See `Replica.optimizer_state`: of the last `gather`, on the main process."""
        return self._gathered


def _whole(value: Any) -> Any:
    """What the shards make together; all processes ask for it."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def _like(value: torch.Tensor, parameter: nn.Parameter) -> torch.Tensor:
    """A moment in the shards of its parameter; a step count as it is."""
    if not isinstance(parameter, DTensor) or value.shape != parameter.shape:
        return value
    return distribute_tensor(value, parameter.device_mesh, parameter.placements, src_data_rank=None)

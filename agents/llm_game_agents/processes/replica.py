"""What each process holds of the weights that all of them learn."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


class Replica:
    """Learnt weights, whole on every process, and what steps them.

    Args:
        module: called to score tokens; passes through it average gradients over the processes.
        optimizer: of its weights.
    """

    def __init__(self, module: Callable[..., Any], optimizer: torch.optim.Optimizer) -> None:
        self.module = module
        self.optimizer = optimizer

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The weights whose gradients a pass through the module gives."""
        return [one for group in self.optimizer.param_groups for one in group["params"]]

    def learning(self, weights: Iterable[nn.Parameter]) -> list[nn.Parameter]:
        """What learns in the place of some of the policy's weights; here they do so themselves."""
        return list(weights)

    def settle(self) -> None:
        """Gives the policy what was learnt; here the policy's weights are the very same."""

    def gather(self) -> None:
        """Makes ready for `optimizer_state`; all processes call it before one of them asks."""

    def optimizer_state(self) -> dict[str, Any]:
        """As the optimiser of one process gives it."""
        return self.optimizer.state_dict()

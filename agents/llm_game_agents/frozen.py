"""Models that learn no more."""

import copy
from typing import Any

import torch
from torch import nn


def frozen_copy(model: Any, dtype: torch.dtype | None = None) -> Any:
    """The model as it is now, frozen; what was frozen in it already is shared, not copied.

    Of a model that learns as a whole this copies every weight; of one that learns an adapter on a
    frozen base, the adapter alone. Copies of a wholly frozen model take no memory for parameters.

    Args:
        model: any `torch.nn.Module`; it stays as it is.
        dtype: of the weights that are copied; their own by default. Buffers keep theirs.
    """
    # Tensors are copied here, since `deepcopy` would ask those without data where they lie.
    memo: dict[int, torch.Tensor] = {id(b): b.detach().clone() for b in model.buffers()}
    for parameter in model.parameters():
        if parameter.requires_grad:
            kept = parameter.detach().to(dtype or parameter.dtype, copy=True)
            memo[id(parameter)] = nn.Parameter(kept, requires_grad=False)
        else:
            memo[id(parameter)] = parameter
    return copy.deepcopy(model, memo).requires_grad_(False)

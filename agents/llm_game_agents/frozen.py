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
    memo: dict[int, nn.Parameter] = {}
    for parameter in model.parameters():
        if not parameter.requires_grad:
            memo[id(parameter)] = parameter
        elif dtype is not None:
            memo[id(parameter)] = nn.Parameter(parameter.detach().to(dtype), requires_grad=False)
    return copy.deepcopy(model, memo).requires_grad_(False)

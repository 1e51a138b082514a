"""Models that learn no more."""

import copy
from typing import Any


def frozen_copy(model: Any) -> Any:
    """The model as it is now, frozen; what was frozen in it already is shared, not copied.

    Of a model that learns as a whole this copies every weight; of one that learns an adapter on a
    frozen base, the adapter alone. Copies of a wholly frozen model take no memory for parameters.

    Args:
        model: any `torch.nn.Module`; it stays as it is.
    """
    shared = {id(p): p for p in model.parameters() if not p.requires_grad}
    return copy.deepcopy(model, shared).requires_grad_(False)

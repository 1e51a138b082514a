"""Activations in one kernel, where transformers computes them in eight."""

from torch import nn
from transformers.activations import GELUTanh, NewGELUActivation


def fuse_gelu(module: nn.Module) -> int:
    """Has every "gelu_new" below a module computed in one kernel; returns how many there were.

    The curve is the same, x · (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2. Its values differ by
    rounding: by at most 5e-7 for |x| ≤ 8 in float32. GPT-2 has it, Llama and Qwen have none. What
    is saved stays as it was.

    Args:
        module: a model of transformers, or whatever holds some: a `LanguagePolicy`, say, whose
            reference and critic are changed with it.
    """
    found = [
        (parent, name)
        for parent in module.modules()
        for name, child in parent.named_children()
        if isinstance(child, NewGELUActivation)
    ]
    for parent, name in found:
        setattr(parent, name, GELUTanh())
    return len(found)

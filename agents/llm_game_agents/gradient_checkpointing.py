"""Layers that are computed again for the gradient, in a model that stays in eval mode.

Chen et al. 2016 (arXiv 1604.06174). The layers of transformers do so in training mode alone, which
would turn dropout on. Here a layer, not what is in it, counts as training while a forward pass goes
through the model, and as evaluating inside of its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from llm_game_env.errors import ConfigurationError


def prepare_layers(model: Any) -> Sequence[nn.Module]:
    """Sets up a model of transformers; the layers to hand to `recomputed`.

    Raises:
        ConfigurationError: the model has no layers that transformers can checkpoint.
    """
    try:
        from transformers.modeling_layers import GradientCheckpointingLayer
    except ImportError as error:
        raise ConfigurationError(
            "gradient_checkpointing=True needs a newer transformers; pip install -U transformers"
        ) from error
    layers = [part for part in model.modules() if isinstance(part, GradientCheckpointingLayer)]
    if not layers:
        raise ConfigurationError(
            f"gradient_checkpointing=True cannot be had of a {type(model).__name__}, whose layers "
            "transformers does not checkpoint; leave it out"
        )
    model._set_gradient_checkpointing(gradient_checkpointing_func=_checkpoint_in_eval)
    return layers


@contextmanager
def recomputed(layers: Sequence[nn.Module]) -> Iterator[None]:
    """What a forward pass in here leaves for the gradient is the inputs of these layers."""
    wanted = layers if torch.is_grad_enabled() else ()
    for layer in wanted:
        layer.training = True
    try:
        yield
    finally:
        for layer in wanted:
            layer.training = False


def _checkpoint_in_eval(function: Any, *arguments: Any) -> Any:
    """What transformers calls for a layer; `function` is its forward pass, bound to the layer."""
    # Older versions of transformers hand over the bound method.
    layer: nn.Module = function.args[0] if function.args else function.func.__self__

    def forward(*inputs: Any) -> Any:
        # Some layers ask for their own mode to drop out, both now and when computed again.
        was_training, layer.training = layer.training, False
        try:
            return function(*inputs)
        finally:
            layer.training = was_training

    # Nothing in here is random.
    return checkpoint(forward, *arguments, use_reentrant=False, preserve_rng_state=False)

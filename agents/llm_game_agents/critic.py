"""A critic that shares no learnt weight with the policy: a trunk of its own below the value head.

On the policy's trunk, the value loss moves the policy too; a critic of its own cannot. It costs one
more model to keep, to run and to learn, or one more adapter where the policy learns an adapter.
"""

import copy
from os import PathLike
from typing import Any, Literal

import torch
from torch import nn
from transformers import AutoModel

from llm_game_env.loading import load_pretrained

CriticKind = Literal["head", "model"]


def trunk_of(model: Any) -> nn.Module:
    """A copy of a causal language model, to learn values instead of words.

    Of a model that learns as a whole, all below its output layer is copied. What is frozen is
    shared: of a model that learns an adapter, the copy has an adapter of its own on the same base.

    Args:
        model: of transformers; it stays as it is.
    """
    shared = {id(p): p for p in model.parameters() if not p.requires_grad}
    return copy.deepcopy(model if shared else model.base_model, shared)


def load_trunk(path: str | PathLike[str], device: str | torch.device) -> nn.Module:
    """The trunk of a Hugging Face folder or hub id, in float32, ready to learn.

    Args:
        path: any model of transformers with its tokenizer; an output layer is left out.
        device: where it goes.

    Raises:
        ConfigurationError: it cannot be loaded.
    """
    trunk, _ = load_pretrained(
        AutoModel, path, "critic", dtype=torch.float32, attn_implementation="eager"
    )
    return trunk.to(device)


def last_states(trunk: Any, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """What a value head reads, float [B, T, D], with gradients.

    Args:
        trunk: as `trunk_of` or `load_trunk` gave it.
        ids, attention_mask: int64 [B, T], right-padded.
    """
    output = trunk.base_model(input_ids=ids, attention_mask=attention_mask, use_cache=False)
    return output.last_hidden_state

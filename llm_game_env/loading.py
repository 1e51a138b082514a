"""Opening Hugging Face checkpoints, safely and with errors that say what to do."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoTokenizer

from llm_game_env.errors import ConfigurationError

_LOADING_ERRORS = (OSError, ValueError, TypeError, RuntimeError, ImportError, SafetensorError)


def load_pretrained(
    auto_class: Any, path: str | PathLike[str], kind: str, **options: Any
) -> tuple[Any, Any]:
    """A model and its tokenizer; weights from safetensors only, no remote code.

    Args:
        auto_class: one of transformers' `AutoModelFor…`.
        path: a local folder or a hub id.
        kind: what it should hold, for messages ("causal language model").
        options: for `from_pretrained`.

    Raises:
        ConfigurationError: nothing usable is there, or weights are missing.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model, report = auto_class.from_pretrained(
            path, use_safetensors=True, output_loading_info=True, **options
        )
    except _LOADING_ERRORS as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be loaded as a {kind} ({error}); give a folder or hub id that "
            "holds config.json, a tokenizer and safetensors weights"
        ) from error
    if report["missing_keys"]:  # transformers fills them at random
        raise ConfigurationError(
            f"{str(path)!r} has no weights for {sorted(report['missing_keys'])}; give a {kind}"
        )
    _set_missing_chunk(model.config)
    return model, tokenizer


def placement(
    device: str | torch.device | None, device_map: str | Mapping[str, int | str] | None
) -> dict[str, Any]:
    """The options that `load_pretrained` takes where a model is to be spread.

    Raises:
        ConfigurationError: both a device and a device map are given.
    """
    if device_map is None:
        return {}
    if device is not None:
        raise ConfigurationError(
            f"device={str(device)!r} and device_map={device_map!r} both say where the model goes; "
            "give one of them"
        )
    return {"device_map": device_map}


def input_device(model: Any) -> torch.device:
    """Where a model takes its input: beside its embedding, where a device map has spread it.

    Args:
        model: of transformers. An embedding that is offloaded to disk is fetched to where it runs.
    """
    if not getattr(model, "hf_device_map", None):
        return model.device
    embedding = model.get_input_embeddings()
    where = getattr(getattr(embedding, "_hf_hook", None), "execution_device", None)
    return embedding.weight.device if where is None else torch.device(where)


def _set_missing_chunk(config: Any) -> None:
    """Llama Guard 4 is published without a chunk of attention, for which transformers asks."""
    if getattr(config, "attention_chunk_size", 0) is None:
        config.attention_chunk_size = config.max_position_embeddings  # One chunk is no chunk.


def load_tokenizer(path: str | PathLike[str]) -> Any:
    """A tokenizer alone, no remote code.

    Raises:
        ConfigurationError: there is none at that path.
    """
    try:
        return AutoTokenizer.from_pretrained(path)
    except _LOADING_ERRORS as error:
        raise ConfigurationError(
            f"tokenizer={str(path)!r} cannot be loaded ({error}); give a folder or hub id that "
            "holds a tokenizer, or the tokenizer itself"
        ) from error

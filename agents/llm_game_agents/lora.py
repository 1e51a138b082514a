"""LoRA adapters by peft: reading them, and putting them on a model of transformers.

Hu et al. 2021 (arXiv 2106.09685): a frozen matrix W becomes W + (α / r) · BA, with B of shape
[out, r] and A of shape [r, in]. B starts at 0, so a fresh adapter changes nothing.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers.pytorch_utils import Conv1D

from llm_game_agents.policy_folder import ADAPTER_FILE
from llm_game_env.errors import ConfigurationError

WEIGHTS_FILE = "adapter_model.safetensors"
_STARTS_THAT_KEEP_THE_BASE = (True, False, "gaussian", "eva", "orthogonal")
_PREFIX = "base_model.model."  # peft's names of weights count its own wrapper of the model.


class Adapter(NamedTuple):
    """An adapter that belongs to no model yet.

    Attributes:
        config: a `LoraConfig` of peft.
        weights: by peft's names; None for a fresh adapter.
    """

    config: Any
    weights: dict[str, torch.Tensor] | None


def peft() -> Any:
    """The library, which is an extra.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import peft as library
    except ImportError as error:
        raise ConfigurationError(
            "adapters need the peft library; pip install 'llm-game-env[lora]'"
        ) from error
    return library


def fresh_adapter(model: Any, rank: int, alpha: int, targets: Sequence[str] = ()) -> Adapter:
    """For the linear layers of a model.

    Args:
        model: of transformers.
        rank, alpha: r and α.
        targets: last parts of the names of layers, such as "q_proj"; all linear layers but the
            output layer where none are given.

    Raises:
        ConfigurationError: the rank or alpha is below 1, or a target is no linear layer.
    """
    for name, value in (("rank", rank), ("alpha", alpha)):
        if value < 1:
            raise ConfigurationError(f"{name}={value} must be at least 1")
    linear = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D))
    }
    if missing := [name for name in targets if name not in linear]:
        raise ConfigurationError(
            f"lora targets {missing} are no linear layers of {model.name_or_path!r}; it has "
            f"{sorted(linear)}"
        )
    # The linear layers of GPT-2 hold their matrices the other way round.
    transposed = any(isinstance(module, Conv1D) for module in model.modules())
    return Adapter(
        peft().LoraConfig(
            r=rank,
            lora_alpha=alpha,
            target_modules=list(targets) or "all-linear",
            fan_in_fan_out=transposed,
            task_type="CAUSAL_LM",
        ),
        None,
    )


def read_adapter(folder: str | PathLike[str]) -> Adapter:
    """An adapter as peft or transformers wrote it; weights from safetensors only.

    Raises:
        ConfigurationError: the folder holds none, or one that cannot share its base: it is of
            another kind than LoRA, trains biases of the base, or began by changing the base.
    """
    library = peft()
    try:
        if not (Path(folder) / ADAPTER_FILE).exists():  # peft would ask the hub.
            raise FileNotFoundError(f"there is no {ADAPTER_FILE}")
        config = library.PeftConfig.from_pretrained(str(folder))
        weights = load_file(Path(folder) / WEIGHTS_FILE)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise ConfigurationError(
            f"{str(folder)!r} holds no adapter that can be read ({error}); give a folder with "
            f"{ADAPTER_FILE} and {WEIGHTS_FILE}"
        ) from error
    if not isinstance(config, library.LoraConfig) or config.bias != "none":
        kind, bias = type(config).__name__, getattr(config, "bias", None)
        raise ConfigurationError(
            f"{str(folder)!r} holds an adapter of a {kind} with bias={bias!r}; only LoRA with "
            "bias='none' leaves the base as it is: give one of those"
        )
    if config.init_lora_weights not in _STARTS_THAT_KEEP_THE_BASE:
        raise ConfigurationError(
            f"{str(folder)!r} holds an adapter to a base that "
            f"init_lora_weights={config.init_lora_weights!r} changed; convert it to plain LoRA "
            "with peft's save_pretrained(…, path_initial_model_for_weight_conversion=…)"
        )
    config.inference_mode = False
    return Adapter(config, weights)


def put_on(model: Any, adapter: Adapter, seed: int) -> None:
    """Makes an adapter part of a model; it learns, in float32, whatever the base is stored in.

    Args:
        model: of transformers, frozen; changed in place, its own weights are not.
        adapter: see `Adapter`.
        seed: of the matrices A of a fresh adapter.

    Raises:
        ConfigurationError: the adapter does not fit the model.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            # Drawn on the CPU, wherever the model is.
            torch.default_generator.manual_seed(seed)
            model.add_adapter(adapter.config)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        if adapter.weights is None:
            return
        weights = {name.removeprefix(_PREFIX): t for name, t in adapter.weights.items()}
        library = peft()
        wanted = library.get_peft_model_state_dict(model, save_embedding_layers=False)
        # Before anything is loaded: a weight of the base itself would be written into the base.
        if differing := sorted(weights.keys() ^ wanted.keys()):
            raise ValueError(f"{len(differing)} weights are on one side only, as {differing[0]}")
        library.set_peft_model_state_dict(model, weights)
    except (ValueError, RuntimeError, KeyError) as error:
        raise ConfigurationError(
            f"the adapter does not fit {model.name_or_path!r} ({error}); give the base that it "
            "was trained on"
        ) from error

"""What a policy's folder holds: the model, its critic, and the reference beside it.

PATH/
  model.safetensors …          as transformers opens it; of an adapter, as peft opens it
  value_head.safetensors
  critic/                      where the critic has a model of its own
"""

from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from llm_game_agents.computing import Computing
from llm_game_agents.critic import CriticKind, load_trunk
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.causal_lm import CausalLMPlayer

VALUE_HEAD_FILE = "value_head.safetensors"
ADAPTER_FILE = "adapter_config.json"
CRITIC_FOLDER = "critic"


class Parts(NamedTuple):
    """What a policy is made of, see `LanguagePolicy`."""

    player: CausalLMPlayer
    reference: nn.Module | None
    critic: CriticKind | nn.Module


def load_parts(
    path: str | PathLike[str],
    reference: str | PathLike[str] | None,
    critic: CriticKind | PathLike[str],
    device: str | torch.device,
    temperature: float,
    computing: Computing,
) -> Parts:
    """Opens all but the value head; see `LanguagePolicy.load`.

    Raises:
        ConfigurationError: a model or tokenizer cannot be loaded or used, or the policy is an
            adapter.
    """
    if (Path(path) / ADAPTER_FILE).exists():
        raise ConfigurationError(
            f"{str(path)!r} holds an adapter; open it with SharedBase.load(its base)"
            f".policy(adapter={str(path)!r})"
        )
    # Small updates vanish in the rounding of bfloat16 weights.
    player = CausalLMPlayer.load(path, device=device, temperature=temperature, dtype=torch.float32)
    frozen = None
    spread = computing.device_map
    if reference is not None or spread is not None:
        other = CausalLMPlayer.load(
            path if reference is None else reference,
            device=device if spread is None else None,
            dtype=computing.frozen_dtype or torch.float32,
            device_map=spread,
        )
        frozen = other.model.requires_grad_(False)
    start = Path(path) / CRITIC_FOLDER if isinstance(critic, str) else critic
    if isinstance(critic, str) and not Path(start).exists():
        return Parts(player, frozen, critic)
    return Parts(player, frozen, load_trunk(start, device))


def save_critic(
    path: str | PathLike[str], value_head: nn.Module, trunk: Any, tokenizer: Any
) -> None:
    """Writes the value head, and the critic's own model with the tokenizer where it has one."""
    save_value_head(path, value_head)
    if trunk is not None:
        trunk.save_pretrained(Path(path) / CRITIC_FOLDER)
        tokenizer.save_pretrained(Path(path) / CRITIC_FOLDER)


def save_value_head(path: str | PathLike[str], value_head: nn.Module) -> None:
    """Writes the value head into a folder."""
    state = {name: t.contiguous() for name, t in value_head.state_dict().items()}
    save_file(state, Path(path) / VALUE_HEAD_FILE)


def load_value_head(path: str | PathLike[str], value_head: nn.Linear) -> None:
    """Takes up the value head of a folder, where one was saved."""
    head = Path(path) / VALUE_HEAD_FILE
    if head.exists():
        value_head.load_state_dict(load_file(head, device=str(value_head.weight.device)))

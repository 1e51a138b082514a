"""Models that have shapes and no weights: what can be planned before anything is loaded."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

from llm_game_agents.computing import PLAIN, Computing
from llm_game_agents.critic import CriticKind
from llm_game_agents.lora import read_adapter
from llm_game_agents.player_folders import base_of, holds_adapter
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_env.errors import ConfigurationError
from llm_game_env.loading import load_tokenizer
from llm_game_env.players.causal_lm import CausalLMPlayer


class Weightless(FakeTensorMode):
    """While it is active, tensors have shapes, types and devices, but no data.

    Models that it opens are made from their configuration files alone; in it, `update_need` and its
    like run them. They lie on the CPU, whatever device is planned for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bases: dict[str, CausalLMPlayer] = {}
        self._twins: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def policy(
        self,
        path: str | PathLike[str],
        temperature: float,
        computing: Computing = PLAIN,
        *,
        critic: CriticKind = "head",
    ) -> LanguagePolicy:
        """What `LanguagePolicy.load` would open.

        Raises:
            ConfigurationError: its configuration or tokenizer cannot be read.
        """
        player = self._player(path, temperature, torch.float32)
        with torch.device("meta"):
            return self._shaped(LanguagePolicy(player, critic=critic, computing=computing))

    def adapter(
        self,
        path: str | PathLike[str],
        temperature: float,
        computing: Computing = PLAIN,
        *,
        critic: CriticKind = "head",
        rank: int = 16,
        alpha: int | None = None,
        targets: Sequence[str] = (),
    ) -> LanguagePolicy:
        """What `PlayerFolders.fresh` would open: policies on one base share its tensors.

        Args:
            path: of a base, or of an adapter, which knows its own rank.
            temperature, computing, rank, alpha, targets: see `SharedBase`.

        Raises:
            ConfigurationError: a configuration or tokenizer cannot be read.
        """
        base = str(path)
        is_adapter = holds_adapter(path)
        if is_adapter:
            base, config = base_of(path), read_adapter(path).config
            named = config.target_modules
            rank, alpha = config.r, config.lora_alpha
            targets = () if isinstance(named, str) else tuple(named)
        if base not in self._bases:
            self._bases[base] = self._player(base, temperature, computing.frozen_dtype)
        player = self._bases[base]
        with torch.device("meta"):
            shared = SharedBase(
                player, rank=rank, alpha=alpha, targets=targets, computing=computing
            )
            policy = shared.policy(critic=critic)
            if is_adapter:  # The KL is taken to the adapter as it is.
                policy.anchor()
            return self._shaped(policy)

    def classifier(self, path: str | PathLike[str], dtype: torch.dtype | None = None) -> Any:
        """The model that `ClassifierReward` would open.

        Raises:
            ConfigurationError: its configuration cannot be read.
        """
        model = self._build(AutoModelForSequenceClassification, path, dtype)
        model.config.use_cache = False
        return self._shaped(model.requires_grad_(False))

    def _player(
        self, path: str | PathLike[str], temperature: float, dtype: torch.dtype | None
    ) -> CausalLMPlayer:
        model = self._build(AutoModelForCausalLM, path, dtype)
        return CausalLMPlayer(model, load_tokenizer(path), temperature=temperature)

    def _build(self, auto_class: Any, path: str | PathLike[str], dtype: torch.dtype | None) -> Any:
        try:
            config = AutoConfig.from_pretrained(path)
            stored = getattr(config, "dtype", None) or torch.float32
            with torch.device("meta"):
                return auto_class.from_config(
                    config, dtype=dtype or stored, attn_implementation="eager"
                ).eval()
        except (OSError, ValueError, KeyError) as error:
            raise ConfigurationError(
                f"{str(path)!r} has no configuration that can be read ({error}); give a folder or "
                "hub id of a model"
            ) from error

    def _shaped(self, module: Any) -> Any:
        """Tensors of this mode for those of the meta device, on which autocast does nothing."""
        with self:
            for part in module.modules():
                for table in (part._parameters, part._buffers):
                    for name, tensor in table.items():
                        if tensor is not None and tensor.device.type == "meta":
                            table[name] = self._twin(tensor)
        return module

    def _twin(self, tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in self._twins:
            twin = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
            if isinstance(tensor, nn.Parameter):
                twin = nn.Parameter(twin, requires_grad=tensor.requires_grad)
            self._twins[id(tensor)] = tensor, twin  # The tensor, lest its id be given again.
        return self._twins[id(tensor)][1]

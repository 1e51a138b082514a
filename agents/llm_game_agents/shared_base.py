"""Several players on one frozen base, each with an adapter of its own.

Every player is a model of the base's own class whose frozen weights are the base's, the very same
tensors, so that players cost the memory of their adapters only. Nothing is switched between them:
whatever works on a model works on each, and learning in one cannot touch another.
"""

import copy
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from llm_game_agents.computing import PLAIN, Computing
from llm_game_agents.critic import CriticKind
from llm_game_agents.frozen import frozen_copy
from llm_game_agents.lora import Adapter, fresh_adapter, peft, put_on, read_adapter
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.policy_folder import CRITIC_FOLDER, load_value_head, save_value_head
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.causal_lm import CausalLMPlayer


class SharedBase:
    """A frozen causal language model that policies with LoRA adapters stand on.

    Args:
        player: the base, as `CausalLMPlayer.load` opened it: adapters remember where from. It is
            frozen for good.
        rank: r of fresh adapters.
        alpha: α of fresh adapters, whose weight is α / r; by default 2 r.
        targets: the layers that fresh adapters are for, such as "q_proj"; all linear layers but
            the output layer by default.
        computing: of all that stand on it; its `device_map` is refused, for adapters that learn
            are on one device with their base.

    Raises:
        ConfigurationError: the rank or alpha is below 1, a target is no linear layer, or there is
            a device map.

    Attributes:
        path: where the base was opened from.
        model: the base, with no adapter.
    """

    def __init__(
        self,
        player: CausalLMPlayer,
        *,
        rank: int = 16,
        alpha: int | None = None,
        targets: Sequence[str] = (),
        computing: Computing = PLAIN,
    ) -> None:
        if computing.device_map is not None:
            raise ConfigurationError(
                f"device_map={computing.device_map!r} spreads frozen models, but a base that "
                "adapters learn on must be on one device; give device=… instead"
            )
        self.computing = computing
        self.model: Any = player.model.requires_grad_(False)
        self.path: str = self.model.name_or_path
        if computing.frozen_dtype is not None:
            for parameter in self.model.parameters():
                parameter.data = parameter.data.to(computing.frozen_dtype)
        self._player = player
        self._fresh = fresh_adapter(self.model, rank, 2 * rank if alpha is None else alpha, targets)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        rank: int = 16,
        alpha: int | None = None,
        targets: Sequence[str] = (),
        device: str | torch.device = "cpu",
        temperature: float = 1.0,
        computing: Computing = PLAIN,
    ) -> "SharedBase":
        """Loads a Hugging Face folder or hub id, in the precision that it is stored in.

        With `computing.precision` "bf16" it is kept in bfloat16 however it is stored.

        Args:
            path: the base.
            rank, alpha, targets, computing: see the class.
            device: where it lives, and all that stand on it.
            temperature: of sampling and of every log-probability.

        Raises:
            ConfigurationError: the model or its tokenizer cannot be loaded or used, or see the
                class.
        """
        # Adapters are opened again from any working directory.
        found = Path(path).resolve() if Path(path).exists() else path
        player = CausalLMPlayer.load(
            found,
            device=device,
            temperature=temperature,
            dtype=computing.frozen_dtype or "auto",
        )
        return cls(player, rank=rank, alpha=alpha, targets=targets, computing=computing)

    def policy(
        self,
        *,
        adapter: str | PathLike[str] | None = None,
        reference: str | PathLike[str] | None = None,
        critic: CriticKind = "head",
        seed: int = 0,
    ) -> LanguagePolicy:
        """A policy that learns an adapter and a value head, and nothing else.

        With critic="model" the value head stands on an adapter of its own, which starts as the
        policy's; one that was saved with the adapter is taken up whatever `critic` is.

        Args:
            adapter: a local folder to start from, as peft wrote it; without one, a fresh adapter,
                with which the policy speaks as the base does.
            reference: what the KL is taken to: an adapter's folder, or `path` for the base with no
                adapter. By default the policy as it is given: the base under a fresh adapter, a
                frozen copy of the adapter else.
            critic: see `LanguagePolicy`.
            seed: of a fresh adapter.

        Raises:
            ConfigurationError: a folder holds no adapter that fits the base.
        """
        start = self._fresh if adapter is None else read_adapter(adapter)
        frozen = None
        if str(reference) == self.path or (reference is None and adapter is None):
            frozen = self.model
        elif reference is not None:
            frozen = self._frozen(read_adapter(reference), seed)
        own: CriticKind | nn.Module = critic
        if adapter is not None and (saved := Path(adapter) / CRITIC_FOLDER).exists():
            own = self._with(read_adapter(saved), seed).eval()
        speaker = self._speaker(self._with(start, seed))
        policy = LanguagePolicy(speaker, frozen, own, self.computing)
        if adapter is not None:
            load_value_head(adapter, policy.value_head)
        return policy

    def player(self, adapter: str | PathLike[str]) -> CausalLMPlayer:
        """A player that does not learn, of an adapter's folder.

        Raises:
            ConfigurationError: the folder holds no adapter that fits the base.
        """
        return self._speaker(self._frozen(read_adapter(adapter)))

    def save_merged(self, policy: LanguagePolicy, path: str | PathLike[str]) -> None:
        """Writes a policy as an ordinary Hugging Face folder, its value head beside it.

        A critic of its own is left out: the folder is of the player.

        It takes the memory of another base while it lasts. A base in half precision rounds what the
        adapter adds.

        Args:
            policy: one that stands on this base.
            path: the folder.
        """
        with TemporaryDirectory() as folder:
            policy.player.model.save_pretrained(folder)
            wrapped: Any = peft().PeftModel.from_pretrained(copy.deepcopy(self.model), folder)
        wrapped.merge_and_unload().save_pretrained(path)
        policy.player.tokenizer.save_pretrained(path)
        if policy.critic is None:  # A head would read other states than those of its own trunk.
            save_value_head(path, policy.value_head)

    def _with(self, adapter: Adapter, seed: int) -> Any:
        model = frozen_copy(self.model)
        put_on(model, Adapter(copy.deepcopy(adapter.config), adapter.weights), seed)
        return model

    def _frozen(self, adapter: Adapter, seed: int = 0) -> Any:
        """With an adapter that does not learn, in the precision of what is frozen."""
        return frozen_copy(self._with(adapter, seed), self.computing.frozen_dtype)

    def _speaker(self, model: Any) -> CausalLMPlayer:
        """The base's tokenizer and temperature with another model."""
        player = copy.copy(self._player)
        player.model = model.eval()
        return player

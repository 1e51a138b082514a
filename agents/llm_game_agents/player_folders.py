"""Opening players from disk, full models or adapters; what stands on one base shares it."""

import json
from collections.abc import Sequence
from functools import partial
from os import PathLike
from pathlib import Path

import torch

from llm_game_agents.computing import PLAIN, Computing
from llm_game_agents.critic import CriticKind
from llm_game_agents.policy import ADAPTER_FILE, LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.causal_lm import CausalLMPlayer

REFERENCE = "reference"


class PlayerFolders:
    """Opens players, each base once.

    Args:
        temperature: at which they write.
        device: where they live.
        rank, alpha, targets: of fresh adapters, see `SharedBase`.
        computing: of all of them; its `device_map` is for those that learn no more.
    """

    def __init__(
        self,
        temperature: float,
        device: str | torch.device = "cpu",
        rank: int = 16,
        *,
        alpha: int | None = None,
        targets: Sequence[str] = (),
        computing: Computing = PLAIN,
    ) -> None:
        self._temperature = temperature
        self._device = device
        self._computing = computing
        self._open = partial(
            SharedBase.load,
            rank=rank,
            alpha=alpha,
            targets=targets,
            device=device,
            temperature=temperature,
            computing=computing,
        )
        self._bases: dict[str, SharedBase] = {}

    def fresh(
        self, path: str | PathLike[str], seed: int = 0, critic: CriticKind = "head"
    ) -> LanguagePolicy:
        """A policy that learns an adapter: a fresh one on a base, or one that is there already.

        Args:
            path: of the base, or the folder of the adapter.
            seed: of a fresh adapter.
            critic: see `LanguagePolicy`.

        Raises:
            ConfigurationError: nothing usable is there, or peft is missing.
        """
        if holds_adapter(path):
            return self._base_below(path).policy(adapter=path, critic=critic)
        return self._base(str(path)).policy(seed=seed, critic=critic)

    def saved(self, folder: Path) -> LanguagePolicy:
        """A policy and its reference, as `LanguagePolicy` saved them, the latter below it.

        Raises:
            ConfigurationError: nothing usable is there, or peft is missing.
        """
        reference = folder / REFERENCE
        if holds_adapter(folder):
            base = self._base_below(folder)
            found = reference if reference.exists() else base.path
            return base.policy(adapter=folder, reference=found)
        return LanguagePolicy.load(
            folder,
            reference=reference,
            device=self._device,
            temperature=self._temperature,
            computing=self._computing,
        )

    def past(self, folder: Path) -> CausalLMPlayer:
        """A player that learns no more.

        Raises:
            ConfigurationError: nothing usable is there, or peft is missing.
        """
        if holds_adapter(folder):
            return self._base_below(folder).player(folder)
        spread = self._computing.device_map
        return CausalLMPlayer.load(
            folder,
            device=self._device if spread is None else None,
            temperature=self._temperature,
            device_map=spread,
        )

    def _base_below(self, folder: str | PathLike[str]) -> SharedBase:
        return self._base(base_of(folder))

    def _base(self, path: str) -> SharedBase:
        key = str(Path(path).resolve()) if Path(path).exists() else path
        if key not in self._bases:
            self._bases[key] = self._open(key)
        return self._bases[key]


def holds_adapter(path: str | PathLike[str]) -> bool:
    """Whether a folder is an adapter's."""
    return (Path(path) / ADAPTER_FILE).exists()


def base_of(folder: str | PathLike[str]) -> str:
    """The base that an adapter's configuration names.

    Raises:
        ConfigurationError: it names none.
    """
    path = Path(folder) / ADAPTER_FILE
    try:
        base = json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be read ({error!r}); give a folder that peft wrote"
        ) from error
    if not isinstance(base, str) or not base:
        raise ConfigurationError(
            f"{str(path)!r} names no base; write the base's folder or hub id there as "
            "base_model_name_or_path"
        )
    return base

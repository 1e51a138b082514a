"""Which texts of all that were written make up the history, where that is not all of them."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Protocol, Self

import numpy as np

from llm_game_env.checks import check_flag, check_seed, check_whole
from llm_game_env.errors import ConfigurationError


class KeptTexts(Protocol):
    """A history of limited size; immutable, so that a failed addition leaves it as it was.

    Attributes:
        size: the most texts it holds.
        texts: those it holds.
    """

    @property
    def size(self) -> int: ...
    @property
    def texts(self) -> tuple[str, ...]: ...

    def added(self, texts: Sequence[str]) -> Self:
        """The history after these texts."""
        ...

    def emptied(self) -> Self:
        """The history before any text."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that going on needs, as plain values."""
        ...

    def loaded(self, state: Mapping[str, Any]) -> Self:
        """The history of a `state_dict`; KeyError, TypeError, ValueError for anything else."""
        ...


@dataclass(frozen=True)
class Window:
    """The latest texts.

    Attributes:
        size: the most texts it holds.
        texts: those it holds, the oldest first.
        distinct: whether it holds the latest different ones, each where it was last added.
    """

    size: int
    texts: tuple[str, ...] = ()
    distinct: bool = False

    def added(self, texts: Sequence[str]) -> "Window":
        """The oldest go first."""
        latest = (*self.texts, *texts)
        if self.distinct:
            latest = tuple(dict.fromkeys(reversed(latest)))[::-1]
        return replace(self, texts=latest[-self.size :])

    def emptied(self) -> "Window":
        """No texts."""
        return replace(self, texts=())

    def state_dict(self) -> dict[str, Any]:
        """Key: "texts"."""
        return {"texts": list(self.texts)}

    def loaded(self, state: Mapping[str, Any]) -> "Window":
        """Takes up what `state_dict` gave."""
        return replace(self, texts=tuple(state["texts"]))


@dataclass(frozen=True)
class Reservoir:
    """A uniform sample of all texts ever added, without replacement.

    Vitter 1985, *Random Sampling with a Reservoir*, algorithm R: the t-th text takes the place of
    a random one with probability size / t, so that every text so far is held with that probability.

    Attributes:
        size: the most texts it holds.
        seed: of its generator, which starts afresh when the history is emptied.
        texts: those it holds.
        seen: texts added in all.
    """

    size: int
    seed: int
    texts: tuple[str, ...] = ()
    seen: int = 0
    rng: np.random.Generator = field(default_factory=np.random.default_rng, compare=False)

    @classmethod
    def empty(cls, size: int, seed: int) -> "Reservoir":
        """Holds nothing yet."""
        return cls(size, seed, rng=np.random.default_rng(seed))

    def added(self, texts: Sequence[str]) -> "Reservoir":
        """Each text is held, or not, by a draw of its own."""
        held, seen, rng = list(self.texts), self.seen, copy.deepcopy(self.rng)
        for text in texts:
            seen += 1
            if len(held) < self.size:
                held.append(text)
                continue
            place = int(rng.integers(seen))
            if place < self.size:
                held[place] = text
        return replace(self, texts=tuple(held), seen=seen, rng=rng)

    def emptied(self) -> "Reservoir":
        """No texts, and the generator as it was at first."""
        return self.empty(self.size, self.seed)

    def state_dict(self) -> dict[str, Any]:
        """Keys: "texts", "seen", "rng" (the state of NumPy's generator)."""
        state = self.rng.bit_generator.state
        return {"texts": list(self.texts), "seen": self.seen, "rng": state}

    def loaded(self, state: Mapping[str, Any]) -> "Reservoir":
        """Takes up what `state_dict` gave."""
        rng = np.random.default_rng(self.seed)
        rng.bit_generator.state = state["rng"]
        return replace(self, texts=tuple(state["texts"]), seen=int(state["seen"]), rng=rng)


@dataclass(frozen=True)
class Limits:
    """How much of what is added a history keeps; everything by default.

    Attributes:
        window: the latest so many texts, or None.
        reservoir: a uniform sample of so many, or None.
        seed: of the reservoir's draws.
        deduplicate: whether no text is kept twice.

    Raises:
        ConfigurationError: a size is below 1, both are given, or another value is of no use.
    """

    window: int | None
    reservoir: int | None
    seed: int
    deduplicate: bool

    def __post_init__(self) -> None:
        for name, size in (("window", self.window), ("reservoir", self.reservoir)):
            if size is not None:
                check_whole(name, size)
        if self.window is not None and self.reservoir is not None:
            raise ConfigurationError(
                f"window={self.window} and reservoir={self.reservoir} exclude each other; give one "
                "of them"
            )
        check_seed("seed", self.seed)
        check_flag("deduplicate", self.deduplicate)

    def kept_texts(self, name: str) -> KeptTexts | None:
        """An empty history under a name of its own; None where everything is kept."""
        if self.window is not None:
            return Window(self.window, distinct=self.deduplicate)
        if self.reservoir is not None:
            return Reservoir.empty(self.reservoir, self._seed_of(name))
        return None

    def __str__(self) -> str:
        sizes = {"window": self.window, "reservoir": self.reservoir}
        parts = [f"{name}={size}" for name, size in sizes.items() if size is not None]
        return ", ".join([*(parts or ["no limit"]), *(["deduplicate"] if self.deduplicate else [])])

    def _seed_of(self, name: str) -> int:
        """Histories of different names draw independently; that of no name, from the seed."""
        if not name:
            return self.seed
        return int.from_bytes(blake2b(f"{self.seed} {name}".encode(), digest_size=8).digest())

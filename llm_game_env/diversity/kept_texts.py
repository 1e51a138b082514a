"""Which texts of all that were written make up the history, where that is not all of them."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import numpy as np


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
    """The latest texts."""

    size: int
    texts: tuple[str, ...] = ()

    def added(self, texts: Sequence[str]) -> "Window":
        """The oldest go first."""
        return replace(self, texts=(*self.texts, *texts)[-self.size :])

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

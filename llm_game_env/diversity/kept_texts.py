"""Which texts of all that were written make up the history, where that is not all of them."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, Self

import numpy as np


class Change(NamedTuple):
    """What an addition did to a history: first some texts leave it, then others join its end.

    Attributes:
        gone: positions of those that leave, ascending.
        new: those that join.
    """

    gone: list[int]
    new: list[str]


class KeptTexts(Protocol):
    """A history of limited size; immutable, so that a failed addition leaves it as it was.

    Attributes:
        size: the most texts it holds.
        texts: those it holds, in the order in which they came.
    """

    @property
    def size(self) -> int: ...
    @property
    def texts(self) -> tuple[str, ...]: ...

    def added(self, texts: Sequence[str]) -> tuple[Self, Change]:
        """The history after these texts, and how it came about."""
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

    def added(self, texts: Sequence[str]) -> tuple["Window", Change]:
        """The oldest go first."""
        new = list(texts[-self.size :])
        gone = max(0, len(self.texts) + len(new) - self.size)
        after = replace(self, texts=(*self.texts[gone:], *new))
        return after, Change(list(range(gone)), new)

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
    Here the one that leaves makes room at the end, which changes no probability.

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

    def added(self, texts: Sequence[str]) -> tuple["Reservoir", Change]:
        """Each text is held, or not, by a draw of its own."""
        rng = copy.deepcopy(self.rng)
        before = len(self.texts)
        gone: list[int] = []
        every = [*self.texts, *texts]
        held = list(range(before))  # places in these
        for number in range(len(texts)):
            if len(held) == self.size:
                place = int(rng.integers(self.seen + number + 1))
                if place >= self.size:
                    continue
                out = held.pop(place)
                if out < before:
                    gone.append(out)
            held.append(before + number)
        after = replace(
            self,
            texts=tuple([every[place] for place in held]),
            seen=self.seen + len(texts),
            rng=rng,
        )
        return after, Change(sorted(gone), list(after.texts[before - len(gone) :]))

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

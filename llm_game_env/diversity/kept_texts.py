"""Which texts of all that were written make up the history, where that is not all of them."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from llm_game_env.checks import check_flag, check_seed, check_whole
from llm_game_env.errors import ConfigurationError


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

    def added(self, texts: Sequence[str]) -> tuple["Window", Change]:
        """The oldest go first."""
        if self.distinct:
            return self._added_distinct(texts)
        new = list(texts[-self.size :])
        gone = max(0, len(self.texts) + len(new) - self.size)
        return replace(self, texts=(*self.texts[gone:], *new)), Change(list(range(gone)), new)

    def _added_distinct(self, texts: Sequence[str]) -> tuple["Window", Change]:
        again = set(texts)
        new = list(dict.fromkeys(reversed(texts)))[::-1][-self.size :]
        stay = [place for place, text in enumerate(self.texts) if text not in again]
        stay = stay[max(0, len(stay) + len(new) - self.size) :]
        after = replace(self, texts=(*(self.texts[place] for place in stay), *new))
        return after, Change(sorted(set(range(len(self.texts))) - set(stay)), new)

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
        seed: of its generator.
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

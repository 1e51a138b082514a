"""The weighted likeness to its own past that the adversary pays for."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from llm_game_env.checks import brief, check_flag, check_seed, check_whole
from llm_game_env.diversity.embedding import CACHED_TEXTS, EmbeddingSimilarity
from llm_game_env.diversity.kept_texts import Change, KeptTexts, Reservoir, Window
from llm_game_env.diversity.self_bleu import References, SelfBLEU
from llm_game_env.diversity.token_batch import checked_texts
from llm_game_env.encoders import Encoder
from llm_game_env.errors import ConfigurationError


class Likeness(NamedTuple):
    """Likeness of N texts to the history, float32 [N] each.

    Attributes:
        total: the weighted sum of the parts, what the adversary's reward subtracts.
        self_bleu: unweighted SelfBLEU in [0, 1]; zeros where its weight is 0.
        embedding: unweighted mean cosine in [-1, 1]; zeros where its weight is 0.
    """

    total: np.ndarray
    self_bleu: np.ndarray
    embedding: np.ndarray


class Diversity:
    """w_b · SelfBLEU + w_e · mean cosine, to the history of earlier texts.

    R_div of Zheng et al. 2024 (arXiv 2406.10977) is its negative; their weights are 5 and 1. A
    part whose weight is 0 is off: it is neither computed nor remembered. `copy.deepcopy` copies
    the history and shares the encoder.

    The history is everything added, the latest `window` texts, or a random `reservoir` of all. The
    texts of one call do not see each other, and the first ones are like nothing (0), unless
    `within_batch` is asked for.
    """

    def __init__(
        self,
        *,
        self_bleu: float = 0.0,
        embedding: float = 0.0,
        encoder: Encoder | None = None,
        ngrams: Sequence[int] = (2, 3, 4, 5),
        references: References = "pairwise",
        window: int | None = None,
        reservoir: int | None = None,
        seed: int = 0,
        within_batch: bool = False,
    ) -> None:
        """Start with an empty history.

        Args:
            self_bleu: weight of SelfBLEU, at least 0.
            embedding: weight of the mean cosine, at least 0.
            encoder: embeds texts, see `EmbeddingSimilarity`; needed if `embedding` is above 0.
            ngrams, references: see `SelfBLEU`.
            window: keep the latest so many texts as the history; all of them by default. The
                mean over a whole history hardly notices what was written lately.
            reservoir: keep a uniform sample of so many of all texts instead, see `Reservoir`: a
                whole history at a bounded cost. After a resumption, embeddings of texts that leave
                are computed anew: a sum is exact if the encoder returns the same for them.
            seed: of the reservoir's draws.
            within_batch: whether a text is compared with the other texts of its call as well, as
                if they stood in the history; pairwise references only.

        Raises:
            ConfigurationError: for a weight that is negative or not finite, a missing encoder, a
                window or reservoir below 1, both of them, `within_batch` with
                ``references="multi"``, or a setting that SelfBLEU refuses.
        """
        self.weights = {
            "self_bleu": _checked_weight("self_bleu", self_bleu),
            "embedding": _checked_weight("embedding", embedding),
        }
        if self.weights["embedding"] and encoder is None:
            raise ConfigurationError(
                f"embedding is {embedding!r} but encoder is None; give an encoder (such as a "
                "SentenceTransformer), or embedding=0."
            )
        self.within_batch = check_flag("within_batch", within_batch)
        if within_batch and references == "multi":
            raise ConfigurationError(
                "within_batch=True needs references='pairwise': one set of references has no mean "
                "that a batch could enter"
            )
        self._kept = _limited(window, reservoir, seed)
        bleu = SelfBLEU(ngrams, references)
        self._parts: dict[str, SelfBLEU | EmbeddingSimilarity] = {}
        if self.weights["self_bleu"]:
            self._parts["self_bleu"] = bleu
        if self.weights["embedding"] and encoder is not None:
            # Room for the whole of a limited history beside a batch: a text's embedding is
            # needed again when the text leaves, and should not be computed twice for that.
            held = 0 if self._kept is None else self._kept.size
            self._parts["embedding"] = EmbeddingSimilarity(encoder, held + CACHED_TEXTS)
        self._count = 0

    def __len__(self) -> int:
        """Texts in the history, repeated ones counted each time."""
        return self._count

    def clear(self) -> None:
        """Empty the history."""
        for part in self._parts.values():
            part.clear()
        self._kept = None if self._kept is None else self._kept.emptied()
        self._count = 0

    def measure(self, texts: Sequence[str]) -> Likeness:
        """Likeness of each text to the history with its parts; adds nothing.

        Raises:
            ConfigurationError: if `texts` is not a sequence of strings.
            RewardError: if the encoder returns another shape, or a number that is not finite.
        """
        checked_texts(texts)
        parts = {name: np.zeros(len(texts), np.float32) for name in self.weights}
        for name, part in self._parts.items():
            parts[name] = part.score(texts, within_batch=self.within_batch)
        total = sum(
            weight * parts[name].astype(np.float64) for name, weight in self.weights.items()
        )
        return Likeness(np.asarray(total, np.float32), **parts)

    @property
    def greatest(self) -> Likeness:
        """The most that a text can be like the history: 1 in each part that is on; scalars."""
        parts = {name: np.float32(name in self._parts) for name in self.weights}
        return Likeness(np.float32(sum(self.weights.values())), **parts)  # pyright: ignore

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """The weighted sum alone, float32 [N]; errors as in `measure`."""
        return self.measure(texts).total

    def add(self, texts: Sequence[str]) -> None:
        """Append texts to the history; errors as in `measure`, the history then unchanged."""
        checked_texts(texts)
        if self._kept is None:
            self._exchange(Change([], list(texts)), [])
        else:
            kept, change = self._kept.added(texts)
            self._exchange(change, [self._kept.texts[place] for place in change.gone])
            self._kept = kept

    def state_dict(self) -> dict[str, Any]:
        """The history and what limits it.

        Keys: "count" (int), "parts" (states by name of those that are on), "limit" (str: kind and
        size of the history), "kept" (state of a limited history, else None).
        """
        return {
            "count": self._count,
            "parts": {name: part.state_dict() for name, part in self._parts.items()},
            "limit": self._limit,
            "kept": None if self._kept is None else self._kept.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the history by a saved one; weights are not part of it.

        Raises:
            ConfigurationError: if other parts were on, the history was limited otherwise, or a part
                refuses its state.
        """
        if not isinstance(state, Mapping) or not {"kept", "count"} <= state.keys():
            raise ConfigurationError(f"state={brief(state)} is none that state_dict() gave")
        if state.get("limit") != self._limit:
            raise ConfigurationError(
                f"the saved Diversity has {state.get('limit')}, this one {self._limit}; build it "
                "with the saved value."
            )
        saved = state.get("parts")
        if not isinstance(saved, Mapping) or set(saved) != set(self._parts):
            names = sorted(saved) if isinstance(saved, Mapping) else saved
            raise ConfigurationError(
                f"the saved Diversity has the parts {names!r}, this one {sorted(self._parts)!r}; "
                "build it with the same weights above 0."
            )
        kept = self._kept
        if kept is not None:
            try:
                kept = kept.loaded(state["kept"])
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"state={brief(state)} is none that state_dict() gave ({error!r})"
                ) from error
        for name, part in self._parts.items():
            part.load_state_dict(saved[name])
        self._kept, self._count = kept, int(state["count"])

    def _exchange(self, change: Change, gone: Sequence[str]) -> None:
        """Carry out a change of the history; `gone` are the texts that leave it."""
        # The embedding first: its encoder is what can fail, and SelfBLEU cannot after the check.
        embedding, bleu = self._parts.get("embedding"), self._parts.get("self_bleu")
        if isinstance(embedding, EmbeddingSimilarity):
            embedding.exchange(gone, change.new)
        if isinstance(bleu, SelfBLEU):
            bleu.forget(change.gone)
            bleu.add(change.new)
        self._count += len(change.new) - len(gone)

    @property
    def _limit(self) -> str:
        kept = self._kept
        return "no limit" if kept is None else f"{type(kept).__name__.lower()}={kept.size}"


def _limited(window: int | None, reservoir: int | None, seed: int) -> KeptTexts | None:
    for name, size in (("window", window), ("reservoir", reservoir)):
        if size is not None:
            check_whole(name, size)
    if window is not None and reservoir is not None:
        raise ConfigurationError(
            f"window={window} and reservoir={reservoir} exclude each other; give one of them"
        )
    if reservoir is not None:
        return Reservoir.empty(reservoir, check_seed("seed", seed))
    return None if window is None else Window(window)


def _checked_weight(name: str, weight: float) -> float:
    try:
        value = float(weight)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ConfigurationError(
            f"{name} is {weight!r}; a weight must be a finite number of at least 0. Likeness is "
            "subtracted from the adversary's reward: a positive weight asks for variety."
        )
    return value

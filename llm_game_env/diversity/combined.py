"""The weighted likeness to its own past that the adversary pays for."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from llm_game_env.checks import brief
from llm_game_env.diversity.embedding import EmbeddingSimilarity
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
    ) -> None:
        """Start with an empty history.

        Args:
            self_bleu: weight of SelfBLEU, at least 0.
            embedding: weight of the mean cosine, at least 0.
            encoder: embeds texts, see `EmbeddingSimilarity`; needed if `embedding` is above 0.
            ngrams, references: see `SelfBLEU`.
            window: keep the latest so many texts as the history; all of them by default. The
                mean over a whole history hardly notices what was written lately.

        Raises:
            ConfigurationError: for a weight that is negative or not finite, a missing encoder, a
                window below 1, or a setting that SelfBLEU refuses.
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
        if window is not None and (not isinstance(window, int) or window < 1):
            raise ConfigurationError(
                f"window is {window!r}; give at least 1 text, or None for the whole history."
            )
        self.window = window
        bleu = SelfBLEU(ngrams, references)
        self._parts: dict[str, SelfBLEU | EmbeddingSimilarity] = {}
        if self.weights["self_bleu"]:
            self._parts["self_bleu"] = bleu
        if self.weights["embedding"] and encoder is not None:
            self._parts["embedding"] = EmbeddingSimilarity(encoder)
        self._recent: deque[str] = deque(maxlen=window)
        self._count = 0

    def __len__(self) -> int:
        """Texts in the history, repeated ones counted each time."""
        return self._count

    def clear(self) -> None:
        """Empty the history."""
        for part in self._parts.values():
            part.clear()
        self._recent.clear()
        self._count = 0

    def measure(self, texts: Sequence[str]) -> Likeness:
        """Likeness of each text to the history with its parts; adds nothing.

        Raises:
            ConfigurationError: if `texts` is not a sequence of strings.
            RewardError: if the encoder returns another shape, or a number that is not finite.
        """
        checked_texts(texts)
        parts = {name: np.zeros(len(texts), np.float32) for name in self.weights}
        parts |= {name: part.score(texts) for name, part in self._parts.items()}
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
        self._append(texts)
        if self.window is not None and self._count > self.window:
            kept = list(self._recent)
            self.clear()
            self._append(kept)

    def state_dict(self) -> dict[str, Any]:
        """The history and the window.

        Keys: "count" (int), "parts" (states by name of those that are on), "window" (int or None),
        "recent" (the texts within the window, list of str; empty without one).
        """
        return {
            "count": self._count,
            "parts": {name: part.state_dict() for name, part in self._parts.items()},
            "window": self.window,
            "recent": list(self._recent),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the history by a saved one; weights are not part of it.

        Raises:
            ConfigurationError: if other parts were on, the window was another, or a part refuses
                its state.
        """
        if not isinstance(state, Mapping) or not {"recent", "count"} <= state.keys():
            raise ConfigurationError(f"state={brief(state)} is none that state_dict() gave")
        if state.get("window") != self.window:
            raise ConfigurationError(
                f"the saved Diversity has window={state.get('window')!r}, this one "
                f"{self.window!r}; build it with the saved value."
            )
        saved = state.get("parts")
        if not isinstance(saved, Mapping) or set(saved) != set(self._parts):
            names = sorted(saved) if isinstance(saved, Mapping) else saved
            raise ConfigurationError(
                f"the saved Diversity has the parts {names!r}, this one {sorted(self._parts)!r}; "
                "build it with the same weights above 0."
            )
        for name, part in self._parts.items():
            part.load_state_dict(saved[name])
        self._recent = deque(state["recent"], maxlen=self.window)
        self._count = int(state["count"])

    def _append(self, texts: Sequence[str]) -> None:
        # The embedding first: its encoder is what can fail, and SelfBLEU cannot after the check.
        for name in ("embedding", "self_bleu"):
            if name in self._parts:
                self._parts[name].add(texts)
        if self.window is not None:
            self._recent.extend(texts)
        self._count += len(texts)


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

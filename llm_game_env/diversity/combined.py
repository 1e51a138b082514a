"""The weighted likeness to its own past that the adversary pays for."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from llm_game_env.checks import brief, check_choice, check_flag
from llm_game_env.diversity.cached_encoder import CACHED_TEXTS, CachedEncoder
from llm_game_env.diversity.embedding import EmbeddingSimilarity
from llm_game_env.diversity.history import History
from llm_game_env.diversity.kept_texts import Limits
from llm_game_env.diversity.self_bleu import References, SelfBLEU
from llm_game_env.diversity.token_batch import checked_texts
from llm_game_env.encoders import Encoder
from llm_game_env.errors import ConfigurationError

OverHistory = Literal["mean", "sum"]


class Likeness(NamedTuple):
    """Likeness of N texts to the history, float32 [N] each.

    Attributes:
        total: the weighted sum of the parts, what the adversary's reward subtracts.
        self_bleu: unweighted SelfBLEU in [0, 1]; zeros where its weight is 0.
        embedding: unweighted mean cosine in [-1, 1]; zeros where its weight is 0. Either is as many
            times as large as the history is long where `Diversity` sums over it.
    """

    total: np.ndarray
    self_bleu: np.ndarray
    embedding: np.ndarray


class Diversity:
    """w_b · SelfBLEU + w_e · mean cosine, to the history of earlier texts.

    R_div of Zheng et al. 2024 (arXiv 2406.10977) is its negative; their weights are 5 and 1. A
    part whose weight is 0 is off: it is neither computed nor remembered. `copy.deepcopy` copies
    the history and shares the encoder.

    The history is everything added, the latest `window` texts, or a random `reservoir` of all;
    there is one, or one for each seed prompt (`per_seed`). The texts of one call do not see each
    other, and the first ones are like nothing (0), unless `within_batch` is asked for.
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
        per_seed: bool = False,
        deduplicate: bool = False,
        over_history: OverHistory = "mean",
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
            per_seed: whether every seed prompt has a history of its own, each of the size given:
                prompts are then compared with those that answer the same seed prompt.
            deduplicate: whether a text that the history has had is left out when it comes again, so
                that what was said often weighs no more than the rest; a window then holds the
                latest different texts.
            over_history: "mean" over its texts, as the paper's code has it, or "sum", as its
                equation 3.5 is printed: the term then grows with every text, so that the game
                changes as it goes on, and a weight is worth as much as the history is long.
                Sums are of pairwise references only.

        Raises:
            ConfigurationError: for a weight that is negative or not finite, a missing encoder, a
                window or reservoir below 1, both of them, `within_batch` or a sum with
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
        check_choice("over_history", over_history, get_args(OverHistory))
        self.over_history: OverHistory = over_history
        if over_history == "sum" and references == "multi":
            raise ConfigurationError(
                "over_history='sum' needs references='pairwise': one set of references has no sum"
            )
        self.per_seed = check_flag("per_seed", per_seed)
        self._limits = Limits(window, reservoir, seed, deduplicate)
        self._bleu = SelfBLEU(ngrams, references)
        self._encoder: CachedEncoder | None = None
        if self.weights["embedding"] and encoder is not None:
            # Room for the whole of a limited history beside a batch: a text's embedding is
            # needed again when the text leaves, and should not be computed twice for that.
            held = window or reservoir or 0
            self._encoder = CachedEncoder(encoder, held + CACHED_TEXTS)
        self._histories: dict[str, History] = {}

    def __len__(self) -> int:
        """Texts in the history, repeated ones counted each time."""
        return sum(map(len, self._histories.values()))

    def clear(self) -> None:
        """Empty the history."""
        self._histories = {}

    def measure(self, texts: Sequence[str], seeds: Sequence[str] | None = None) -> Likeness:
        """Likeness of each text to the history with its parts; adds nothing.

        Args:
            texts: N of them.
            seeds: the ids of the N seed prompts that they answer; only `per_seed` needs them.

        Raises:
            ConfigurationError: if `texts` is not a sequence of strings, or `seeds` are missing.
            RewardError: if the encoder returns another shape, or a number that is not finite.
        """
        rows_of = self._by_history(texts, seeds)
        parts = {name: np.zeros(len(texts), np.float32) for name in self.weights}
        for name, rows in rows_of.items():
            history = self._histories[name] if name in self._histories else self._empty(name)
            chosen = [texts[row] for row in rows]
            others = len(rows) - 1 if self.within_batch else 0
            terms = len(history) + others if self.over_history == "sum" else 1
            for part, scores in history.score(chosen, within_batch=self.within_batch).items():
                parts[part][rows] = terms * scores
        total = sum(
            weight * parts[name].astype(np.float64) for name, weight in self.weights.items()
        )
        return Likeness(np.asarray(total, np.float32), **parts)

    @property
    def greatest(self) -> Likeness:
        """The most that a text can be like the history: scalars, 0 in a part that is off.

        1 in a part that is on; where it is summed, the length of the (longest) history.
        """
        lengths = [len(history) for history in self._histories.values()]
        most = max(lengths, default=0) if self.over_history == "sum" else 1
        parts = {name: np.float32(most * (w > 0)) for name, w in self.weights.items()}
        total = np.float32(most * sum(self.weights.values()))
        return Likeness(total, **parts)  # pyright: ignore

    def score(self, texts: Sequence[str], seeds: Sequence[str] | None = None) -> np.ndarray:
        """The weighted sum alone, float32 [N]; arguments and errors as in `measure`."""
        return self.measure(texts, seeds).total

    def add(self, texts: Sequence[str], seeds: Sequence[str] | None = None) -> None:
        """Append texts to the history.

        Arguments and errors as in `measure`; where there is an error, the history is unchanged.
        """
        for name, rows in self._by_history(texts, seeds).items():
            if name not in self._histories:
                self._histories[name] = self._empty(name)
            self._histories[name].add([texts[row] for row in rows])

    def state_dict(self) -> dict[str, Any]:
        """The history and what limits it.

        Keys: "limit" (str: how the history is limited and divided), "histories" (by seed prompt's
        id, else under ""; see `History.state_dict`).
        """
        histories = {name: history.state_dict() for name, history in self._histories.items()}
        return {"limit": self._limit, "histories": histories}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the history by a saved one; weights are not part of it.

        Raises:
            ConfigurationError: if other parts were on, the history was limited otherwise, or a part
                refuses its state; nothing has then changed.
        """
        histories = state.get("histories") if isinstance(state, Mapping) else None
        if not isinstance(histories, Mapping):
            raise ConfigurationError(f"state={brief(state)} is none that state_dict() gave")
        if state.get("limit") != self._limit:
            raise ConfigurationError(
                f"the saved Diversity has {state.get('limit')}, this one {self._limit}; build it "
                "with the saved value."
            )
        loaded = {name: self._empty(name) for name in histories}
        for name, history in loaded.items():
            history.load_state_dict(histories[name])
        self._histories = loaded

    def _by_history(
        self, texts: Sequence[str], seeds: Sequence[str] | None
    ) -> dict[str, list[int]]:
        """The rows that belong to each history, all embedded: what follows cannot fail."""
        checked_texts(texts)
        if not len(texts):
            return {}
        if not self.per_seed:
            rows_of = {"": list(range(len(texts)))}
        elif seeds is None or len(seeds) != len(texts):
            raise ConfigurationError(
                f"seeds={brief(seeds)} for {len(texts)} texts; per_seed=True needs the id of each "
                "text's seed prompt"
            )
        else:
            rows_of = {}
            for row, name in enumerate(seeds):
                rows_of.setdefault(name, []).append(row)
        if self._encoder is not None and len(rows_of) > 1:
            self._encoder.encode(list(texts))
        return rows_of

    def _empty(self, name: str) -> History:
        parts: dict[str, SelfBLEU | EmbeddingSimilarity] = {}
        if self.weights["self_bleu"]:
            parts["self_bleu"] = SelfBLEU(self._bleu.ngrams, self._bleu.references)
        if self._encoder is not None:
            parts["embedding"] = EmbeddingSimilarity(self._encoder)
        distinct = self._limits.deduplicate and self._limits.window is None
        return History(parts, self._limits.kept_texts(name), distinct=distinct)

    @property
    def _limit(self) -> str:
        return f"{self._limits}, per_seed" if self.per_seed else str(self._limits)


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

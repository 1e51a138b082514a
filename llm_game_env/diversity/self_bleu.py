"""SelfBLEU: how much of a text's wording the history already holds."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from llm_game_env.checks import brief
from llm_game_env.diversity.bleu import bleu_of_itself
from llm_game_env.diversity.limited_multi_reference import LimitedMultiReferenceHistory
from llm_game_env.diversity.multi_reference import MultiReferenceHistory
from llm_game_env.diversity.pairwise import PairwiseHistory
from llm_game_env.diversity.pieces import SavedPieces
from llm_game_env.diversity.token_batch import END, TokenBatch, Vocabulary, checked_texts
from llm_game_env.diversity.words import split_words
from llm_game_env.errors import ConfigurationError

References = Literal["pairwise", "multi"]

_UNUSED_WORDS = 4096  # beside as many as are used, until the vocabulary is rid of them


class SelfBLEU:
    """BLEU of a text against the texts added before, exact at any length of the history.

    With BLEU_n of uniform weights 1/n over 1- to n-grams, clipped counts, brevity penalty, and
    NLTK's smoothing method 1 (0.1 / denominator where a count is zero; 0 where no word matches):

    - ``references="pairwise"``: mean over n of the mean over references r of BLEU_n(h, {r}), as
      in Zheng et al. 2024 (arXiv 2406.10977). Time is linear in the history.
    - ``references="multi"``: mean over n of BLEU_n(h, all references as one set), as in Zhu et
      al. 2018 (Texygen). Time hardly depends on the history, unless texts are forgotten: then it
      is linear in it, too.

    Equal to NLTK's `sentence_bleu` on the words of `split_words`. A score is in [0, 1]; it is 0
    for an empty text, and for every text while the history is empty.
    """

    def __init__(
        self, ngrams: Sequence[int] = (2, 3, 4, 5), references: References = "pairwise"
    ) -> None:
        """Start with an empty history.

        Args:
            ngrams: the n to average over, distinct and at least 1, in any order.
            references: how a text meets the history, see above.

        Raises:
            ConfigurationError: for other values.
        """
        self.ngrams = _checked_ngrams(ngrams)
        if references not in get_args(References):
            raise ConfigurationError(
                f"references is {references!r}; choose 'pairwise' (mean over single references) "
                "or 'multi' (one set of references)."
            )
        self.references: References = references
        self.clear()

    def __len__(self) -> int:
        """Texts in the history, repeated ones counted each time."""
        return self._count

    def clear(self) -> None:
        """Empty the history."""
        self._vocabulary = Vocabulary()
        self._words_used = 0  # when the vocabulary was rid of the others
        kind = PairwiseHistory if self.references == "pairwise" else MultiReferenceHistory
        self._history: PairwiseHistory | MultiReferenceHistory | LimitedMultiReferenceHistory
        self._history = kind(self.ngrams)
        self._count = 0

    def score(self, texts: Sequence[str], *, within_batch: bool = False) -> np.ndarray:
        """Likeness of each text to the history, float32 [N] in [0, 1]; adds nothing.

        Texts of one call do not see each other, unless `within_batch`: each is then compared with
        the history and all others of the call (pairwise references only).

        Raises:
            ConfigurationError: if `texts` is not a sequence of strings, or `within_batch` is set
                with ``references="multi"``.
        """
        likeness = self.score_in_full(texts)
        others = len(texts) - 1
        if within_batch and others > 0:
            of_others = others * self.score_among(texts)
            likeness = (self._count * likeness + of_others) / (self._count + others)
        return likeness.astype(np.float32)

    def score_in_full(self, texts: Sequence[str]) -> np.ndarray:
        """As `score`, before it is rounded to float32: float64 [N]."""
        batch = self._vocabulary.look_up(checked_texts(texts))
        if not self._count or not len(texts):
            return np.zeros(len(texts))
        return self._history.score(batch, len(self._vocabulary))

    def score_among(self, texts: Sequence[str]) -> np.ndarray:
        """Mean likeness of each of N >= 2 texts to all others of them, float64 [N] in [0, 1].

        The history plays no part. Pairwise references only.
        """
        if self.references == "multi":
            raise ConfigurationError(
                "within_batch=True needs references='pairwise', this SelfBLEU has 'multi'"
            )
        batch = SelfBLEU(self.ngrams)
        batch.add(texts)
        lengths = np.array([len(split_words(text)) for text in texts])
        of_all = len(texts) * batch.score_in_full(texts)
        of_others = of_all - bleu_of_itself(lengths, self.ngrams)
        return np.clip(of_others / (len(texts) - 1), 0.0, 1.0)

    def add(self, texts: Sequence[str]) -> None:
        """Append texts to the history.

        Raises:
            ConfigurationError: if `texts` is not a sequence of strings.
        """
        self._append(self._vocabulary.add(checked_texts(texts)))

    def forget(self, positions: Sequence[int]) -> None:
        """Remove texts from the history by their positions in it, 0 the oldest.

        Those after them move up. What is left scores as if the others had never been added.

        Raises:
            ConfigurationError: if a position is none of the history's, or is given twice.
        """
        gone = np.unique(np.asarray(positions, np.int64))
        if len(gone) < len(positions) or (len(gone) and not 0 <= gone[0] <= gone[-1] < len(self)):
            raise ConfigurationError(
                f"positions={brief(positions)} must be different ones of the {len(self)} texts in "
                "the history, counted from 0"
            )
        if len(gone) == len(self):
            self.clear()
        if not len(self) or not len(gone):
            return
        if isinstance(self._history, MultiReferenceHistory):
            self._become_limited(self._history.tokens)
        assert not isinstance(self._history, MultiReferenceHistory)
        self._history.pieces.forget(gone)
        self._count -= len(gone)
        if len(self._vocabulary) > 2 * self._words_used + _UNUSED_WORDS:
            used = self._history.pieces.renumber_words(len(self._vocabulary))
            words = list(self._vocabulary)
            numbered = enumerate(used.tolist(), start=1)
            self._vocabulary = Vocabulary((words[old - 1], new) for new, old in numbered)
            self._words_used = len(used)

    def state_dict(self) -> dict[str, Any]:
        """The history and the settings, as plain values and NumPy arrays.

        Keys: "ngrams" (list of int), "references" (str), "words" (list of str, number 1 first),
        and those of `SavedPieces`: "tokens", "gone", "pieces".
        """
        history = self._history
        if isinstance(history, PairwiseHistory):
            saved = history.pieces.saved()
        else:
            none = np.zeros(0, np.int64)
            saved = SavedPieces(history.tokens.copy(), none, none.reshape(0, 2))
        return {
            "ngrams": list(self.ngrams),
            "references": self.references,
            "words": list(self._vocabulary),
            **saved._asdict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the history by a saved one, which scores exactly as the original did.

        Raises:
            ConfigurationError: if it was saved with other settings, or is not such a state.
        """
        mine = {"ngrams": list(self.ngrams), "references": self.references}
        for name, value in mine.items():
            if state.get(name) != value:
                raise ConfigurationError(
                    f"the saved SelfBLEU has {name}={state.get(name)!r}, this one {value!r}; "
                    "build it with the saved value."
                )
        saved, words = _checked_history(state)
        self.clear()
        self._vocabulary.update((word, number) for number, word in enumerate(words, start=1))
        lengths = _lengths(saved.tokens)
        if isinstance(self._history, PairwiseHistory):
            self._history.pieces.load(saved)
        else:
            self._history.add(TokenBatch(saved.tokens, lengths))
        self._count = len(lengths) - len(saved.gone)

    def _append(self, batch: TokenBatch) -> None:
        if len(batch.lengths):
            self._history.add(batch)
            self._count += len(batch.lengths)

    def _become_limited(self, tokens: np.ndarray) -> None:
        self._history = LimitedMultiReferenceHistory(self.ngrams)
        self._history.add(TokenBatch(tokens, _lengths(tokens)))


def _lengths(tokens: np.ndarray) -> np.ndarray:
    return (np.diff(np.flatnonzero(tokens == END), prepend=-1) - 1).astype(np.int32)


def _checked_ngrams(ngrams: Sequence[int]) -> tuple[int, ...]:
    orders = tuple(ngrams)
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in orders)
    if not orders or not whole or len(set(orders)) < len(orders):
        raise ConfigurationError(
            f"ngrams is {ngrams!r}; give one or more distinct whole numbers from 1, such as "
            "(2, 3, 4, 5)."
        )
    return orders


def _checked_history(state: Mapping[str, Any]) -> tuple[SavedPieces, list[str]]:
    try:
        tokens, words = np.array(state["tokens"], np.int32), list(state["words"])
        gone, pieces = (np.asarray(state[name], np.int64) for name in ("gone", "pieces"))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"not a state of SelfBLEU ({error!r}); pass what state_dict() returned."
        ) from error
    texts = np.count_nonzero(tokens == END)
    closed = tokens.ndim == 1 and (not len(tokens) or tokens[-1] == END)
    known = tokens.min(initial=END) >= END and tokens.max(initial=END) <= len(words)
    of_texts = gone.ndim == 1 and np.isin(gone, np.arange(texts)).all()
    whole = pieces.ndim == 2 and pieces.shape[1] == 2 and bool((pieces[:, 0] > 0).all())
    whole = whole and pieces[:, 0].sum() <= texts
    if not (closed and known and of_texts and whole):
        raise ConfigurationError(
            "the saved SelfBLEU's tokens, gone, pieces and words do not belong together; pass "
            "what state_dict() returned, unchanged."
        )
    return SavedPieces(tokens, gone, pieces), words

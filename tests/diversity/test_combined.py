"""The weighted sum, its parts, and histories that move together."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

from llm_game_env.diversity import Diversity, EmbeddingSimilarity, SelfBLEU
from llm_game_env.errors import ConfigurationError, RewardError

HISTORY = ["the cat sat on the mat", "a dog ran off", "the cat ran off"]
TEXTS = ["the cat sat", "", "a dog ran off", "nothing alike"]


def letters(texts: list[str]) -> np.ndarray:
    """How often each of a … z occurs: an encoder with zero vectors for empty texts."""
    return np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)


def test_total_is_the_weighted_sum_of_its_parts() -> None:
    diversity = Diversity(self_bleu=5.0, embedding=0.5, encoder=letters, ngrams=(2, 3))
    bleu, embedding = SelfBLEU((2, 3)), EmbeddingSimilarity(letters)
    for measure in (diversity, bleu, embedding):
        measure.add(HISTORY)
    likeness = diversity.measure(TEXTS)
    np.testing.assert_array_equal(likeness.self_bleu, bleu.score(TEXTS))
    np.testing.assert_array_equal(likeness.embedding, embedding.score(TEXTS))
    np.testing.assert_allclose(
        likeness.total, 5 * likeness.self_bleu + 0.5 * likeness.embedding, rtol=1e-6
    )
    np.testing.assert_array_equal(diversity.score(TEXTS), likeness.total)
    assert {part.dtype for part in likeness} == {np.dtype(np.float32)}
    assert len(diversity) == 3
    assert diversity.score([]).shape == (0,)


def test_parts_that_are_off_are_zero_and_cost_nothing() -> None:
    def fail(texts: list[str]) -> np.ndarray:
        raise AssertionError(f"encoded {texts} at weight 0")

    bleu = Diversity(self_bleu=1.0, encoder=fail)
    bleu.add(HISTORY)
    assert bleu.measure(TEXTS).embedding.tolist() == [0.0] * 4
    embedding = Diversity(embedding=2.0, encoder=letters, references="multi")
    embedding.add(HISTORY)
    likeness = embedding.measure(TEXTS)
    assert likeness.self_bleu.tolist() == [0.0] * 4
    np.testing.assert_allclose(likeness.total, 2 * likeness.embedding)
    off = Diversity()
    off.add(HISTORY)
    assert len(off) == 3
    assert off.score(TEXTS).tolist() == [0.0] * 4


def test_weights_are_checked() -> None:
    for bad in (-1.0, math.nan, math.inf, "much", None):
        with pytest.raises(ConfigurationError, match="self_bleu"):
            Diversity(self_bleu=bad)  # pyright: ignore[reportArgumentType]
        with pytest.raises(ConfigurationError, match="embedding"):
            Diversity(embedding=bad, encoder=letters)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match="encoder"):
        Diversity(embedding=1.0)
    with pytest.raises(ConfigurationError, match="ngrams"):
        Diversity(ngrams=())


def test_clear_state_copy_and_pickle() -> None:
    diversity = Diversity(self_bleu=5.0, embedding=1.0, encoder=letters)
    diversity.add(HISTORY)
    before = diversity.score(TEXTS)
    loaded = Diversity(self_bleu=5.0, embedding=1.0, encoder=letters)
    loaded.load_state_dict(diversity.state_dict())
    for other in (loaded, copy.deepcopy(diversity), pickle.loads(pickle.dumps(diversity))):
        assert len(other) == 3
        np.testing.assert_array_equal(other.score(TEXTS), before)
        other.add(TEXTS)
        other.clear()
        assert len(other) == 0
        assert other.score(TEXTS).tolist() == [0.0] * 4
    np.testing.assert_array_equal(diversity.score(TEXTS), before)
    with pytest.raises(ConfigurationError, match="parts"):
        Diversity(self_bleu=1.0).load_state_dict(diversity.state_dict())


def test_a_copy_shares_the_encoder() -> None:
    class Uncopyable:
        def encode(self, sentences: list[str]) -> np.ndarray:
            return letters(sentences)

        def __deepcopy__(self, memo: object) -> None:
            raise AssertionError("the encoder's weights were copied")

    copy.deepcopy(Diversity(embedding=1.0, encoder=Uncopyable()))


def test_a_failing_encoder_leaves_both_histories_alone() -> None:
    working = [True]

    def encoder(texts: list[str]) -> np.ndarray:
        return letters(texts) if working[0] else np.full((len(texts), 26), np.nan)

    diversity = Diversity(self_bleu=1.0, embedding=1.0, encoder=encoder)
    diversity.add(HISTORY)
    before = diversity.score(HISTORY)
    working[0] = False
    with pytest.raises(RewardError):
        diversity.add(["something new"])
    with pytest.raises(ConfigurationError, match="texts"):
        diversity.add("the cat")
    assert len(diversity) == 3
    np.testing.assert_array_equal(diversity.score(HISTORY), before)


def test_a_window_forgets_what_is_older() -> None:
    windowed = Diversity(self_bleu=1.0, embedding=1.0, encoder=letters, window=2)
    latest = Diversity(self_bleu=1.0, embedding=1.0, encoder=letters)
    for text in HISTORY:
        windowed.add([text])
    latest.add(HISTORY[-2:])
    assert len(windowed) == 2
    np.testing.assert_allclose(windowed.score(TEXTS), latest.score(TEXTS), rtol=1e-6)
    windowed.add([*TEXTS, *HISTORY[-2:]])  # More at once than it holds.
    np.testing.assert_allclose(windowed.score(TEXTS), latest.score(TEXTS), rtol=1e-6)


def test_a_window_goes_on_after_it_was_saved() -> None:
    whole, resumed = (Diversity(self_bleu=1.0, window=3) for _ in range(2))
    whole.add(HISTORY)
    resumed.load_state_dict(whole.state_dict())
    for diversity in (whole, resumed):
        diversity.add(["nothing alike"])
    np.testing.assert_array_equal(whole.score(TEXTS), resumed.score(TEXTS))
    assert len(resumed) == 3


def test_what_an_encoder_refuses_does_not_cut_the_history() -> None:
    def refuse_long(texts: list[str]) -> np.ndarray:
        return np.where([[len(text) > 30] for text in texts], np.nan, 1.0)

    diversity = Diversity(embedding=1.0, encoder=refuse_long, window=2)
    diversity.add(["a", "b"])
    with pytest.raises(RewardError):
        diversity.add(["c", "d" * 31])
    assert len(diversity) == 2


@pytest.mark.parametrize("window", [0, -3, 2.5, "9"])
def test_a_window_is_a_number_of_texts(window: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=f"window={window!r} must be a whole number of at least 1"
    ):
        Diversity(self_bleu=1.0, window=window)


@pytest.mark.parametrize("window", [None, 2])
def test_a_history_of_another_window_is_refused(window: int | None) -> None:
    saved = Diversity(self_bleu=1.0, window=3)
    saved.add(HISTORY)
    other = Diversity(self_bleu=1.0, window=window)
    with pytest.raises(ConfigurationError, match="has window=3, this one"):
        other.load_state_dict(saved.state_dict())
    assert len(other) == 0


@pytest.mark.parametrize("within_batch", [False, True])
def test_a_sum_over_the_history_by_hand(within_batch: bool) -> None:
    # "a b" and "a c" share one word of two, BLEU of one-grams 0.5; letters: a cosine of 0.5.
    diversity = Diversity(
        self_bleu=2.0,
        embedding=1.0,
        encoder=letters,
        ngrams=(1,),
        over_history="sum",
        within_batch=within_batch,
    )
    assert diversity.greatest.total == 0.0
    diversity.add(["a b"] * 3)
    likeness = diversity.measure(["a b", "a c"])
    among = 0.5 if within_batch else 0.0
    np.testing.assert_allclose(likeness.self_bleu, [3.0 + among, 1.5 + among], atol=1e-6)
    np.testing.assert_allclose(likeness.embedding, [3.0 + among, 1.5 + among], atol=1e-6)
    np.testing.assert_allclose(likeness.total, 3 * np.array([3.0 + among, 1.5 + among]), atol=1e-5)
    assert diversity.greatest == (9.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"over_history": "median"}, "over_history='median' must be 'mean' or 'sum'"),
        ({"over_history": "sum", "references": "multi"}, "needs references='pairwise'"),
    ],
)
def test_sums_that_there_are_none_of(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Diversity(self_bleu=1.0, **arguments)

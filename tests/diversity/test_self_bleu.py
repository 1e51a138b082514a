"""SelfBLEU against NLTK, a number worked by hand, and what must hold for any texts."""

import copy
import math
import pickle
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from llm_game_env.diversity import SelfBLEU, distinct, pieces, split_words
from llm_game_env.diversity.counters import Counters
from llm_game_env.diversity.distinct import distinct_columns
from llm_game_env.diversity.key_table import KeyTable
from llm_game_env.diversity.ngram_index import NgramIndex
from llm_game_env.diversity.words import split_texts
from llm_game_env.errors import ConfigurationError

METHOD1 = SmoothingFunction().method1
DEGENERATE = [
    "",
    " \n",
    "a",
    "A a",
    "a a a a a a a a a a a a",
    "a b a b a b a b",
    "b a",
    "never seen before",
    "a never b",
    "Ünïcödé 中文 字 🙂 🙂!",
    "中文 字 🙂 🙂 中文 字",
    "a b c d e f g h i j k l m n o p",
    "... !!! ???",
    "_x_ 12 3.5",
]


def oracle(
    text: str, references: Sequence[str], ngrams: Sequence[int], kind: str = "pairwise"
) -> float:
    hypothesis = split_words(text)
    history = [split_words(reference) for reference in references]
    weights = [(1 / n,) * n for n in ngrams]
    groups = [history] if kind == "multi" else [[reference] for reference in history]
    scores = [
        sentence_bleu(group, hypothesis, weights=[w], smoothing_function=METHOD1)
        for group in groups
        for w in weights
    ]
    return float(np.mean(scores))


def templated_texts(rng: np.random.Generator, count: int) -> list[str]:
    """Texts of a small grammar: many share most of their words, some all."""
    frames = [
        "{} , could you please tell the {} of the {} how the {} of the house is said ?",
        "the {} of the {} said that the {} knows the {} , the {} and the {} by heart .",
    ]
    nouns = [f"n{number}" for number in range(3)]
    return [
        frames[rng.integers(2)].format(*rng.choice(nouns, 6)) if rng.random() < 0.9 else "yes"
        for _ in range(count)
    ]


def random_texts(rng: np.random.Generator, count: int, words: int, longest: int) -> list[str]:
    """Texts of words drawn unevenly, so that some repeat within a text."""
    chance = 1 / np.arange(1, words + 1)
    return [
        " ".join(
            f"w{word}"
            for word in rng.choice(words, rng.integers(0, longest + 1), p=chance / chance.sum())
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("kind", ["pairwise", "multi"])
@pytest.mark.parametrize(("words", "longest"), [(3, 6), (8, 14), (40, 25), (400, 40)])
def test_equals_nltk_on_random_texts(
    kind: Literal["pairwise", "multi"], words: int, longest: int
) -> None:
    rng = np.random.default_rng(words)
    # Two history sizes; for 4 settings and 2 kinds, some 2,000 scores and 15,000 pairs.
    for size in (1, 12):
        history = random_texts(rng, size, words, longest)
        texts = random_texts(rng, 130, words, longest)
        measure = SelfBLEU(references=kind)
        measure.add(history)
        expected = [oracle(text, history, (2, 3, 4, 5), kind) for text in texts]
        np.testing.assert_allclose(measure.score_in_full(texts), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(measure.score(texts), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["pairwise", "multi"])
@pytest.mark.parametrize("ngrams", [(2, 3, 4, 5), (1,), (2,), (3, 1), (4,), (7, 2)])
def test_equals_nltk_on_degenerate_texts(
    kind: Literal["pairwise", "multi"], ngrams: tuple[int, ...]
) -> None:
    for history in (DEGENERATE, DEGENERATE[:1], DEGENERATE[4:5]):
        measure = SelfBLEU(ngrams, references=kind)
        for text in history:
            measure.add([text])
        expected = [oracle(text, history, ngrams, kind) for text in DEGENERATE]
        np.testing.assert_allclose(measure.score_in_full(DEGENERATE), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["pairwise", "multi"])
def test_equals_nltk_on_long_texts(kind: Literal["pairwise", "multi"]) -> None:
    # Over 255 matches: wider counters; over 65,536 tokens: more than one stretch of history.
    history = ["x y " * 200, "y " * 300, "x " * 70_000, "z"]
    texts = ["x y " * 150, "y " * 299, "x " * 1000, "z"]
    measure = SelfBLEU((2,), references=kind)
    measure.add(history)
    expected = [oracle(text, history, (2,), kind) for text in texts]
    np.testing.assert_allclose(measure.score_in_full(texts), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("hash_bits", [32, 3, 0])
def test_one_set_of_references_grown_in_many_batches(
    hash_bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = NgramIndex._hash

    def coarse(index: NgramIndex, tokens: np.ndarray, places: np.ndarray) -> np.ndarray:
        return hashed(index, tokens, places) >> (32 - hash_bits)

    # With few hashes most n-grams collide: the words must decide.
    monkeypatch.setattr(NgramIndex, "_hash", coarse)
    rng = np.random.default_rng(hash_bits)
    history = random_texts(rng, 120, 30, 20)
    texts = random_texts(rng, 15, 30, 20) + history[:5]
    measure = SelfBLEU(references="multi")
    for begin in range(0, len(history), 7):
        measure.score(texts[:2])
        measure.add(history[begin : begin + 7])
    expected = [oracle(text, history, (2, 3, 4, 5), "multi") for text in texts]
    np.testing.assert_allclose(measure.score_in_full(texts), expected, rtol=0, atol=1e-12)


def test_key_table_finds_its_keys_and_no_others() -> None:
    keys = np.unique(np.random.default_rng(0).integers(1, 2**40, 5000))
    table = KeyTable(keys[::2])
    assert len(table._tables) > 1  # some keys lost their slot
    expected = np.where(np.arange(len(keys)) % 2, 0, np.arange(len(keys)) // 2 + 1)
    np.testing.assert_array_equal(table.find(keys), expected)
    assert KeyTable(keys[:0]).find(keys).sum() == 0


def test_number_worked_by_hand() -> None:
    # "the cat sat" against "the cat ran off": 2 of 3 words, 1 of 2 bigrams, none of 1 trigram
    # (smoothed to 0.1 / 1); brevity penalty exp(1 - 4/3).
    measure = SelfBLEU((2, 3))
    measure.add(["The cat ran off"])
    bleu2 = math.sqrt(2 / 3 * 1 / 2)
    bleu3 = (2 / 3 * 1 / 2 * 0.1) ** (1 / 3)
    expected = math.exp(1 - 4 / 3) * (bleu2 + bleu3) / 2
    assert measure.score(["the cat sat"])[0] == pytest.approx(expected, abs=1e-7)


def test_many_hypotheses_and_a_history_of_several_stretches() -> None:
    rng = np.random.default_rng(5)
    history, texts = random_texts(rng, 3000, 300, 60), random_texts(rng, 150, 300, 60)
    together, apart = SelfBLEU(), np.zeros(len(texts))
    together.add(history)
    for begin in range(0, len(history), 750):
        part = SelfBLEU()
        part.add(history[begin : begin + 750])
        apart += part.score_in_full(texts) / 4
    np.testing.assert_allclose(together.score_in_full(texts), apart, rtol=0, atol=1e-12)
    one_by_one = [together.score_in_full([text])[0] for text in texts[:70]]
    np.testing.assert_allclose(together.score_in_full(texts)[:70], one_by_one, atol=1e-12)


def test_a_history_without_its_repetitions_scores_as_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(7)
    history, texts = templated_texts(rng, 400), templated_texts(rng, 20)
    history[100:120] = texts  # whole texts in common, and texts longer than 63 words
    texts += [" ".join(texts), "n1 n1 n1 n1 the the of the the of the", "unheard of"]
    whole = SelfBLEU()
    whole.add(history)
    monkeypatch.setattr(pieces, "_TOKENS", 1500)
    stretched = SelfBLEU()
    for begin in range(0, len(history), 9):
        stretched.score(texts[:2])
        stretched.add(history[begin : begin + 9])
    closed = [piece.stretch for piece in stretched._history.pieces._closed]  # pyright: ignore
    assert any(stretch.windows is not None and stretch.times.max() > 1 for stretch in closed)
    np.testing.assert_allclose(
        stretched.score_in_full(texts), whole.score_in_full(texts), rtol=0, atol=1e-12
    )
    expected = [oracle(text, history, (2, 3, 4, 5)) for text in texts[-4:]]
    np.testing.assert_allclose(stretched.score_in_full(texts)[-4:], expected, rtol=0, atol=1e-12)


def test_rows_are_told_apart_even_if_all_hashes_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [np.array([3, 1, 3, 1, 2]), np.array([0, 1, 0, 1, 1])]
    first, which = distinct_columns(columns)
    assert sorted(first.tolist()) == [0, 1, 4]
    for column in columns:
        np.testing.assert_array_equal(column[first[which]], column)
    monkeypatch.setattr(distinct, "_hashes", lambda _: np.zeros(5, np.uint64))
    first, which = distinct_columns(columns)
    assert first.tolist() == which.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("longest", [0, 63, 64, 300, 70_000])
def test_counters_give_back_what_was_added(longest: int) -> None:
    rng = np.random.default_rng(longest)
    counters = Counters(21, longest)
    rows, texts = np.nonzero(rng.random((50, 21)) < 0.5)
    ones = counters.ones(rows, texts, 50)
    held = np.zeros((50, 21), np.int64)
    held[rows, texts] = 1
    np.testing.assert_array_equal(counters.read(ones)[:, :21], held)
    full = counters.ones(np.zeros(21, int), np.arange(21), 1) * longest
    assert set(counters.read(full)[0, :21].tolist()) == {longest}


@given(st.lists(st.text(st.characters(max_codepoint=0x17F), max_size=12), max_size=5))
def test_many_texts_are_split_as_one_is(texts: list[str]) -> None:
    assert split_texts(texts) == [split_words(text) for text in texts]


def test_every_ascii_character_is_split_by_the_rule() -> None:
    texts = [f"a{chr(code)}B_ {chr(code)}{chr(code)}" for code in range(1, 128)]
    assert split_texts(texts) == [split_words(text) for text in texts]


@pytest.mark.parametrize("kind", ["pairwise", "multi"])
def test_no_texts_and_no_history(kind: Literal["pairwise", "multi"]) -> None:
    measure = SelfBLEU(references=kind)
    measure.add([])
    assert len(measure) == 0
    assert measure.score(["a b", ""]).tolist() == [0.0, 0.0]
    measure.add(["a b", ""])
    assert len(measure) == 2
    assert measure.score([]).shape == (0,)
    assert measure.score(["a b"]).dtype == np.float32
    measure.clear()
    assert len(measure) == 0
    assert measure.score(["a b"]).tolist() == [0.0]


def test_scoring_adds_nothing() -> None:
    measure = SelfBLEU()
    measure.add(["a b c"])
    before = measure.score(["d e", "a b"])
    np.testing.assert_array_equal(measure.score(["d e", "a b"]), before)
    assert len(measure) == 1
    assert measure.state_dict()["words"] == ["a", "b", "c"]


def test_settings_are_checked() -> None:
    for ngrams in ((), (0,), (2, 2), (2.0,), (True,)):
        with pytest.raises(ConfigurationError, match="ngrams"):
            SelfBLEU(ngrams)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match="references"):
        SelfBLEU(references="all")  # pyright: ignore[reportArgumentType]
    measure = SelfBLEU()
    for texts in ("a string", ["a", None]):
        with pytest.raises(ConfigurationError, match="texts"):
            measure.add(texts)  # pyright: ignore[reportArgumentType]
    assert len(measure) == 0


def test_state_of_another_kind_is_refused() -> None:
    state = SelfBLEU((2,)).state_dict()
    with pytest.raises(ConfigurationError, match="ngrams"):
        SelfBLEU().load_state_dict(state)
    with pytest.raises(ConfigurationError, match="references"):
        SelfBLEU((2,), "multi").load_state_dict(state)
    for damage in ({"tokens": np.array([1, 0])}, {"tokens": np.array([1])}, {"words": None}):
        with pytest.raises(ConfigurationError):
            SelfBLEU((2,)).load_state_dict(state | damage)


texts_of_few_words = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "D", "é", "?"]), max_size=9).map(" ".join), max_size=8
)
kinds: st.SearchStrategy[Literal["pairwise", "multi"]] = st.sampled_from(["pairwise", "multi"])


@settings(max_examples=80, deadline=None)
@given(texts_of_few_words, texts_of_few_words, kinds, st.randoms(use_true_random=False))
def test_scores_are_shares_and_the_order_of_history_is_free(
    history: list[str], texts: list[str], kind: Literal["pairwise", "multi"], random
) -> None:
    measure, shuffled = SelfBLEU(references=kind), SelfBLEU(references=kind)
    measure.add(history)
    scores = measure.score(texts)
    assert scores.shape == (len(texts),)
    assert np.all((scores >= 0) & (scores <= 1))
    for text in random.sample(history, len(history)):
        shuffled.add([text])
    np.testing.assert_allclose(
        shuffled.score_in_full(texts), measure.score_in_full(texts), rtol=0, atol=1e-12
    )


@settings(max_examples=60, deadline=None)
@given(texts_of_few_words, texts_of_few_words, texts_of_few_words, kinds)
def test_a_saved_history_goes_on_identically(
    history: list[str], more: list[str], texts: list[str], kind: Literal["pairwise", "multi"]
) -> None:
    measure = SelfBLEU(references=kind)
    measure.add(history)
    loaded = SelfBLEU(references=kind)
    loaded.add(["to be replaced"])
    loaded.load_state_dict(pickle.loads(pickle.dumps(measure.state_dict())))
    copies = [loaded, copy.deepcopy(measure), pickle.loads(pickle.dumps(measure))]
    for step in (texts, more):
        for other in copies:
            assert len(other) == len(measure)
            np.testing.assert_array_equal(other.score_in_full(texts), measure.score_in_full(texts))
        for one in (measure, *copies):
            one.add(step)

"""Histories of limited size: a window, and a random sample of everything."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env.diversity import Diversity, SelfBLEU
from llm_game_env.diversity.kept_texts import Reservoir, Window
from llm_game_env.errors import ConfigurationError, RewardError

WORDS = [f"text number {i} of many" for i in range(20)]


def letters(texts: list[str]) -> np.ndarray:
    return np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], float)


def kept(diversity: Diversity, seed: str = "") -> dict[str, Any]:
    return diversity.state_dict()["histories"][seed]["kept"]


def test_a_reservoir_is_a_uniform_sample() -> None:
    held = Counter(
        text for seed in range(2000) for text in Reservoir.empty(5, seed).added(WORDS)[0].texts
    )
    # Each of 20 texts is in a sample of 5 with probability 1/4: 500 of 2,000, deviation 19.4.
    assert set(held) == set(WORDS)
    assert all(abs(count - 500) < 97 for count in held.values()), held  # Five deviations.
    # Pairs, too: 5/20 * 4/19 of 2,000 hold the first and the last, 105, deviation 10.
    samples = [set(Reservoir.empty(5, seed).added(WORDS)[0].texts) for seed in range(2000)]
    both = sum({WORDS[0], WORDS[-1]} <= sample for sample in samples)
    assert abs(both - 105) < 50


@given(st.lists(st.lists(st.text(max_size=3), max_size=6), max_size=6), st.integers(1, 8))
def test_what_a_reservoir_holds_was_added(batches: list[list[str]], size: int) -> None:
    reservoir = Reservoir.empty(size, seed=0)
    for batch in batches:
        before = reservoir
        reservoir, (gone, new) = reservoir.added(batch)
        stayed = [text for place, text in enumerate(before.texts) if place not in gone]
        assert reservoir.texts == (*stayed, *new)
        assert before == before.added([])[0]  # An addition leaves the old one as it was.
    everything = [text for batch in batches for text in batch]
    assert reservoir.seen == len(everything)
    assert len(reservoir.texts) == min(size, len(everything))
    assert not Counter(reservoir.texts) - Counter(everything)
    # How the texts were cut into batches does not matter.
    assert reservoir == Reservoir.empty(size, seed=0).added(everything)[0]


def test_a_reservoir_scores_as_its_texts_do() -> None:
    sampled = Diversity(self_bleu=1.0, embedding=1.0, encoder=letters, reservoir=4, seed=3)
    for start in range(0, 20, 5):
        sampled.add(WORDS[start : start + 5])
    plain = Diversity(self_bleu=1.0, embedding=1.0, encoder=letters)
    plain.add(Reservoir.empty(4, 3).added(WORDS)[0].texts)
    assert len(sampled) == 4
    np.testing.assert_allclose(sampled.score(WORDS), plain.score(WORDS), rtol=1e-6)


def test_a_resumed_reservoir_goes_on_as_the_first_one_would() -> None:
    whole, resumed = (Diversity(self_bleu=1.0, reservoir=3, seed=seed) for seed in (1, 1))
    whole.add(WORDS[:10])
    resumed.load_state_dict(whole.state_dict())
    for diversity in (whole, resumed):
        diversity.add(WORDS[10:])
    assert kept(whole) == kept(resumed)
    np.testing.assert_array_equal(whole.score(WORDS), resumed.score(WORDS))


def test_an_emptied_reservoir_draws_as_at_first() -> None:
    diversity = Diversity(self_bleu=1.0, reservoir=3, seed=1)
    diversity.add(WORDS)
    first = kept(diversity)
    diversity.clear()
    assert len(diversity) == 0
    diversity.add(WORDS)
    assert kept(diversity) == first


LIMITS: list[dict[str, Any]] = [{"window": 3}, {"reservoir": 3}]


@pytest.mark.parametrize("limit", LIMITS)
def test_a_failing_encoder_leaves_a_limited_history_as_it_was(limit: dict[str, Any]) -> None:
    working = [True]

    def encoder(texts: list[str]) -> np.ndarray:
        return letters(texts) if working[0] else np.full((len(texts), 26), np.nan)

    diversity = Diversity(self_bleu=1.0, embedding=1.0, encoder=encoder, **limit)
    diversity.add(WORDS[:6])
    before = diversity.score(WORDS[:6])
    working[0] = False
    with pytest.raises(RewardError):
        diversity.add(WORDS[6:])
    np.testing.assert_array_equal(diversity.score(WORDS[:6]), before)
    assert len(diversity) == 3


@pytest.mark.parametrize("limit", [{"window": 5000}, {"reservoir": 5000}])
def test_a_large_limited_history_encodes_each_text_once(limit: dict[str, Any]) -> None:
    asked: list[str] = []

    def encoder(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return np.ones((len(texts), 2))

    diversity = Diversity(embedding=1.0, encoder=encoder, **limit)
    texts = [f"text {i}" for i in range(5400)]  # More than are cached by default.
    diversity.add(texts[:5000])
    for start in range(5000, 5400, 100):
        diversity.score(texts[start : start + 100])
        diversity.add(texts[start : start + 100])
    assert asked == texts


def test_a_window_holds_the_latest() -> None:
    window, (gone, new) = Window(3).added(list("abcde"))
    assert (window.texts, gone, new) == (("c", "d", "e"), [], ["c", "d", "e"])
    window, (gone, new) = window.added(["f"])
    assert (window.texts, gone, new) == (("d", "e", "f"), [0], ["f"])


def test_a_window_of_different_texts_holds_each_where_it_came_last() -> None:
    window, (gone, new) = Window(3, distinct=True).added(list("abbac"))
    assert (window.texts, gone, new) == (("b", "a", "c"), [], ["b", "a", "c"])
    window, (gone, new) = window.added(["a", "d"])
    assert (window.texts, gone, new) == (("c", "a", "d"), [0, 1], ["a", "d"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"reservoir": 0}, "reservoir=0 must be a whole number of at least 1"),
        ({"reservoir": True}, "reservoir=True must be"),
        ({"reservoir": 2, "window": 2}, "exclude each other"),
        ({"reservoir": 2, "seed": -1}, "seed=-1"),
        ({"within_batch": 1}, "within_batch=1"),
        ({"per_seed": 1}, "per_seed=1"),
        ({"deduplicate": "yes"}, "deduplicate='yes'"),
        ({"within_batch": True, "references": "multi"}, "references='pairwise'"),
    ],
)
def test_settings_that_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Diversity(self_bleu=1.0, **arguments)


def test_a_history_limited_otherwise_is_refused() -> None:
    diversity = Diversity(self_bleu=1.0, reservoir=3)
    diversity.add(WORDS)
    saved = diversity.state_dict()
    for other in (Diversity(self_bleu=1.0), Diversity(self_bleu=1.0, window=3)):
        with pytest.raises(ConfigurationError, match="has reservoir=3, this one"):
            other.load_state_dict(saved)
    saved["histories"][""]["kept"] = {"texts": []}
    before = kept(diversity)
    with pytest.raises(ConfigurationError, match="none that state_dict"):
        diversity.load_state_dict(saved)
    assert kept(diversity) == before


@pytest.mark.parametrize("history", [[], WORDS[:1], ["the cat sat", "a dog ran off", "the cat"]])
def test_within_a_batch_the_others_count_as_history(history: list[str]) -> None:
    batch = ["the cat ran", "the cat sat on the mat", "", "the cat ran", "a dog"]
    weights: dict[str, Any] = {"self_bleu": 2.0, "embedding": 1.0, "encoder": letters}
    together = Diversity(**weights, within_batch=True)
    together.add(history)
    for i, text in enumerate(batch):
        alone = Diversity(**weights)
        alone.add([*history, *batch[:i], *batch[i + 1 :]])
        expected = alone.measure([text])
        found = together.measure(batch)
        for of_batch, of_one in zip(found, expected, strict=True):
            assert of_batch[i] == pytest.approx(of_one[0], abs=1e-6)
    # One text has no others.
    np.testing.assert_array_equal(together.score(batch[:1]) == 0, [not history])


def test_within_a_batch_is_for_pairs_alone() -> None:
    with pytest.raises(ConfigurationError, match="references='pairwise'"):
        SelfBLEU(references="multi").score(["a", "b"], within_batch=True)

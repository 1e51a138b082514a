"""Histories that hold no text twice."""

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env.diversity import Diversity
from llm_game_env.errors import RewardError

BATCHES = st.lists(st.lists(st.text("ab ", max_size=3), max_size=5), max_size=6)


def letters(texts: list[str]) -> np.ndarray:
    return np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], float)


@given(BATCHES)
def test_the_whole_history_is_that_of_the_different_texts(batches: list[list[str]]) -> None:
    unique = Diversity(self_bleu=1.0, embedding=1.0, encoder=letters, deduplicate=True)
    plain = Diversity(self_bleu=1.0, embedding=1.0, encoder=letters)
    for batch in batches:
        unique.add(batch)
    plain.add(list(dict.fromkeys(text for batch in batches for text in batch)))
    assert len(unique) == len(plain)
    probes = ["a b", "ab", "", "b a"]
    np.testing.assert_allclose(unique.score(probes), plain.score(probes), atol=1e-6)


@given(BATCHES, st.integers(1, 4))
def test_a_window_holds_the_latest_different_texts(batches: list[list[str]], size: int) -> None:
    diversity = Diversity(self_bleu=1.0, deduplicate=True, window=size)
    latest: list[str] = []
    for batch in batches:
        diversity.add(batch)
        for text in batch:
            latest = [*(other for other in latest if other != text), text][-size:]
    plain = Diversity(self_bleu=1.0)
    plain.add(latest)
    assert len(diversity) == len(latest)
    probes = ["a b", "ab", "b a"]
    np.testing.assert_allclose(diversity.score(probes), plain.score(probes), atol=1e-6)


def test_a_reservoir_samples_the_different_texts() -> None:
    texts = [f"text {i}" for i in range(30)]
    often, once = (Diversity(self_bleu=1.0, deduplicate=True, reservoir=5) for _ in range(2))
    often.add([text for text in texts for _ in range(3)])
    often.add(texts)
    once.add(texts)
    held = [one.state_dict()["histories"][""]["kept"]["texts"] for one in (often, once)]
    assert held[0] == held[1]


@pytest.mark.parametrize("limit", [{}, {"window": 3}, {"reservoir": 3}])
def test_saved_and_copied_histories_know_what_they_had(limit: dict[str, Any]) -> None:
    first = Diversity(self_bleu=1.0, deduplicate=True, **limit)
    first.add(["a", "b", "a b", "\ud800"])
    loaded, copied = Diversity(self_bleu=1.0, deduplicate=True, **limit), copy.deepcopy(first)
    loaded.load_state_dict(first.state_dict())
    for diversity in (first, loaded, copied):
        diversity.add(["a", "\ud800", "b a"])
    for other in (loaded, copied):
        assert len(other) == len(first)
        np.testing.assert_array_equal(other.score(["a", "b a"]), first.score(["a", "b a"]))


def test_a_text_that_could_not_be_added_is_new_the_next_time() -> None:
    fails = [True]

    def encoder(texts: list[str]) -> np.ndarray:
        return np.full((len(texts), 1), np.nan if fails.pop() else 1.0)

    diversity = Diversity(embedding=1.0, encoder=encoder, deduplicate=True)
    with pytest.raises(RewardError):
        diversity.add(["a"])
    fails.append(False)
    diversity.add(["a"])
    assert len(diversity) == 1

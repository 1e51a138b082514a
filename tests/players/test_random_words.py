"""The player of random words."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env import ConfigurationError
from llm_game_env.players import Player, RandomPlayer
from llm_game_env.spaces import Message

CHAT = [Message(role="user", content="hello")]
WORDS = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1)


def replies(player: RandomPlayer, number: int, seed: int = 0, max_tokens: int = 99) -> list[str]:
    return player.reply([CHAT] * number, np.random.default_rng(seed), max_tokens=max_tokens)


@given(
    words=st.lists(WORDS, min_size=1),
    max_words=st.integers(1, 20),
    max_tokens=st.integers(0, 20),
    number=st.integers(0, 5),
)
def test_every_message_is_of_the_given_words_and_not_too_long(
    words: list[str], max_words: int, max_tokens: int, number: int
) -> None:
    said = replies(RandomPlayer(words, max_words=max_words), number, max_tokens=max_tokens)
    assert len(said) == number
    for message in said:
        assert set(message.split()) <= set(words)
        assert len(message.split()) <= min(max_words, max_tokens)
        assert message == " ".join(message.split())


def test_lengths_and_words_are_drawn_equally_often() -> None:
    said = [message.split() for message in replies(RandomPlayer(list("abc"), max_words=4), 3000)]
    lengths = np.bincount([len(words) for words in said], minlength=5)
    # Four standard deviations of a binomial count: sqrt(3000 · 1/5 · 4/5) = 21.9.
    assert len(lengths) == 5
    assert (np.abs(lengths - 600) < 88).all()
    spoken = [word for words in said for word in words]
    counts = np.array([spoken.count(word) for word in "abc"])
    # About 6000 words, a third each: sqrt(6000 · 1/3 · 2/3) = 36.5.
    assert (np.abs(counts - len(spoken) / 3) < 146).all()


def test_the_generator_alone_decides() -> None:
    player = RandomPlayer(list("abcdef"))
    assert isinstance(player, Player)
    state = str(np.random.get_state())
    assert replies(player, 10, seed=5) == replies(pickle.loads(pickle.dumps(player)), 10, seed=5)
    assert replies(player, 10, seed=5) != replies(player, 10, seed=6)
    assert str(np.random.get_state()) == state


@pytest.mark.parametrize("words", [[], (), "one string", {"a"}, None])
def test_words_that_are_no_list_are_refused(words: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"words=.* at least one word"):
        RandomPlayer(words)


@pytest.mark.parametrize("word", ["", " ", "two words", "line\n", 3])
def test_what_is_not_one_word_is_refused(word: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"words\[1\]=.* without white space"):
        RandomPlayer(["fine", word])


@pytest.mark.parametrize("max_words", [0, -1, 1.5, True, None])
def test_a_bad_length_is_refused(max_words: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"max_words=.* at least 1"):
        RandomPlayer(["a"], max_words=max_words)

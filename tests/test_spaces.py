"""The two spaces of the text format."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env.spaces import Chat, Message, Utterance, without_half_pairs


@given(st.text(max_size=30), st.integers(0, 30))
def test_utterance_holds_every_string_up_to_its_length(text: str, max_chars: int) -> None:
    assert Utterance(max_chars).contains(text) == (len(text) <= max_chars)


@pytest.mark.parametrize("text", ["", "é中🙂", "a\n\x00\u2028", np.str_("numpy"), "\ud83d"])
def test_utterance_holds_odd_strings(text: str) -> None:
    assert text in Utterance(10)


@pytest.mark.parametrize(
    ("text", "readable"),
    [("plain", "plain"), ("é🙂中", "é🙂中"), ("a\ud83d b\ude42", "a\ufffd b\ufffd"), ("", "")],
)
def test_half_pairs_are_replaced(text: str, readable: str) -> None:
    assert without_half_pairs(text) == readable


@pytest.mark.parametrize("item", [None, 3, b"bytes", ["a"], "x" * 11])
def test_utterance_refuses(item: Any) -> None:
    assert item not in Utterance(10)


@pytest.mark.parametrize("space", [Utterance(4096), Utterance(3), Utterance(0), Chat()])
def test_samples_are_inside_and_repeat_with_the_seed(space: spaces.Space[Any]) -> None:
    space.seed(5)
    first = [space.sample() for _ in range(50)]
    assert all(space.contains(item) for item in first)
    space.seed(5)
    assert [space.sample() for _ in range(50)] == first
    assert space.sample(mask=None, probability=None) in space


def test_samples_are_various() -> None:
    texts = [Utterance(4096, seed=i).sample() for i in range(200)]
    assert len(set(texts)) > 150
    assert any(not text.isascii() for text in texts)
    assert any("\n" in text for text in texts)
    assert {len(Chat(seed=i).sample()) for i in range(50)} == {1, 2, 3}


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_chat_holds_every_role(role: Any) -> None:
    assert Chat().contains([Message(role=role, content="")])


@pytest.mark.parametrize(
    "item",
    [
        None,
        "text",
        ({"role": "user", "content": "in a tuple"},),
        ["text"],
        [{"role": "user"}],
        [{"role": "tool", "content": "x"}],
        [{"role": ["user"], "content": "x"}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": "x", "name": "y"}],
        [{"role": "user", "content": "x"}, {"role": "user", "content": 1}],
    ],
)
def test_chat_refuses(item: Any) -> None:
    assert not Chat().contains(item)


def test_chat_holds_the_empty_conversation() -> None:
    assert Chat().contains([])


def test_equality() -> None:
    assert Utterance(3) == Utterance(3, seed=1)
    assert Utterance(3) != Utterance(4)
    assert Chat() == Chat(seed=1)
    assert Chat() != Utterance(3)
    assert Utterance(3) != Chat()
    assert [repr(Utterance(3)), repr(Chat())] == ["Utterance(max_chars=3)", "Chat()"]


def test_inside_a_dict_space() -> None:
    space = spaces.Dict({"messages": Chat(), "turn": spaces.Discrete(3)}, seed=0)
    assert space.contains(space.sample())
    assert not space.contains({"messages": "x", "turn": 0})
    assert not Chat().is_np_flattenable
    assert not Utterance(3).is_np_flattenable

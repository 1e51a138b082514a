"""A player that is one of several."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.players import EchoPlayer, MixturePlayer, Player, ScriptedPlayer
from llm_game_env.spaces import Message

A, B = ScriptedPlayer(["a"]), ScriptedPlayer(["b"])


def chats(size: int) -> list[list[Message]]:
    return [[Message(role="user", content=f"message {i}")] for i in range(size)]


@pytest.mark.parametrize(
    ("weights", "share"), [(None, 0.5), ([0.2, 0.8], 0.2), ([1.0, 0.0], 1.0), ([0, 1], 0.0)]
)
def test_messages_follow_the_weights(weights: Sequence[float] | None, share: float) -> None:
    mixture = MixturePlayer([A, B], weights)
    said = Counter(mixture.reply(chats(20_000), np.random.default_rng(0), max_tokens=3))
    assert said["a"] / 20_000 == pytest.approx(share, abs=0.01)
    assert said["a"] + said["b"] == 20_000


def test_every_answer_is_to_its_own_conversation() -> None:
    mixture = MixturePlayer([A, EchoPlayer()])
    said = mixture.reply(chats(50), np.random.default_rng(1), max_tokens=3)
    assert {"a"} < set(said)
    assert all(text in ("a", f"message {i}") for i, text in enumerate(said))


def test_the_generator_decides() -> None:
    mixture = MixturePlayer([A, B])
    first, again, other = (
        mixture.reply(chats(40), np.random.default_rng(seed), max_tokens=3) for seed in (3, 3, 4)
    )
    assert first == again != other


def test_it_is_a_player_that_may_be_mixed() -> None:
    mixture = MixturePlayer([MixturePlayer([A, B]), B])
    assert isinstance(mixture, Player)
    said = Counter(mixture.reply(chats(20_000), np.random.default_rng(0), max_tokens=3))
    assert said["a"] / 20_000 == pytest.approx(0.25, abs=0.01)


def test_of_no_conversations_nothing_is_said() -> None:
    assert MixturePlayer([A, B]).reply([], np.random.default_rng(0), max_tokens=3) == []


@pytest.mark.parametrize(
    "weights", [[1.0], [0.5, 0.6], [1.5, -0.5], [float("nan"), 1.0], [0.5, 0.25, 0.25], []]
)
def test_impossible_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ConfigurationError, match=r"weights=.* must be 2 numbers"):
        MixturePlayer([A, B], weights)


def test_a_mixture_of_nobody_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one player"):
        MixturePlayer([])

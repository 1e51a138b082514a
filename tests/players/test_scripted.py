"""Players without a model."""

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.players import EchoPlayer, Player, ScriptedPlayer
from llm_game_env.spaces import Message

CHATS = [
    [Message(role="user", content="first"), Message(role="assistant", content="second")],
    [Message(role="user", content="\ttab and é ")],
]


@pytest.mark.parametrize("player", [EchoPlayer(), ScriptedPlayer(["a"])])
def test_is_a_player(player: Player) -> None:
    assert isinstance(player, Player)
    assert player.reply([], np.random.default_rng(0), max_tokens=1) == []


def test_echo_repeats_the_last_message_unchanged() -> None:
    replies = EchoPlayer().reply(CHATS, np.random.default_rng(0), max_tokens=1)
    assert replies == ["second", "\ttab and é "]


def test_scripted_draws_every_sentence_equally_often() -> None:
    player = ScriptedPlayer(["a", "b", "c"])
    replies = player.reply(CHATS * 1500, np.random.default_rng(0), max_tokens=1)
    counts = [replies.count(sentence) for sentence in "abc"]
    assert sum(counts) == 3000
    # Four standard deviations of a binomial count: sqrt(3000 · 1/3 · 2/3) = 25.8.
    assert all(abs(count - 1000) < 104 for count in counts)


def test_scripted_draws_from_the_given_generator_alone() -> None:
    player = ScriptedPlayer(["a", "b", "c", "d"])
    draws = [player.reply(CHATS * 10, np.random.default_rng(s), max_tokens=1) for s in (5, 5, 6)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("sentences", [[], (), "one string"])
def test_sentences_that_cannot_be_drawn_are_refused(sentences: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="sentences="):
        ScriptedPlayer(sentences)

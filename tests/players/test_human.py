"""A person as a player: what is shown, and what is asked."""

import io
import unicodedata
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env.players import HumanPlayer, Player
from llm_game_env.spaces import Message

CHATS = [
    [
        Message(role="system", content="be kind"),
        Message(role="user", content="hello\nuser: not another"),
    ],
    [Message(role="user", content="\x1b[2Jgone\r")],
]


def reply(player: HumanPlayer, chats: list[list[Message]]) -> list[str]:
    return player.reply(chats, np.random.default_rng(0), max_tokens=1)


def answers(*lines: str) -> Callable[[str], str]:
    left = iter(lines)
    return lambda _: next(left)


def test_every_conversation_is_shown_and_asked_about_in_order() -> None:
    events: list[str] = []
    left = iter(["first answer", " second\t"])

    def ask(prompt: str) -> str:
        events.append(prompt)
        return next(left)

    player = HumanPlayer(ask, events.append)
    assert isinstance(player, Player)
    assert reply(player, CHATS) == ["first answer", " second\t"]
    assert events == [
        "conversation 1 of 2",
        "system: be kind",
        "user: hello\n  user: not another",
        "your message: ",
        "conversation 2 of 2",
        "user: \\x1b[2Jgone\\r",
        "your message: ",
    ]
    assert reply(player, []) == []


@given(content=st.text(st.characters()))
def test_nothing_that_was_said_disturbs_the_terminal(content: str) -> None:
    shown: list[str] = []
    reply(HumanPlayer(answers("ok"), shown.append), [[Message(role="user", content=content)]])
    (message,) = shown[1:]
    lines = message.split("\n")
    assert lines[0].startswith("user: ")
    assert all(line.startswith("  ") for line in lines[1:])
    assert len(lines) == content.count("\n") + 1
    hidden = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert not any(unicodedata.category(c) in hidden for line in lines for c in line)


def test_by_default_the_terminal_is_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("typed\n"))
    assert reply(HumanPlayer(), CHATS[:1]) == ["typed"]
    assert "user: hello\n" in capsys.readouterr().out


def test_the_end_of_the_input_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(EOFError):
        reply(HumanPlayer(show=lambda _: None), CHATS)


def test_an_interrupt_passes_through() -> None:
    def interrupt(_: str) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reply(HumanPlayer(interrupt, lambda _: None), CHATS)

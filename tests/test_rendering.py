"""What a game prints: turn by turn, in every view, and nothing that disturbs a terminal."""

import contextlib
import io
import os
import pty
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pettingzoo.test import render_test

from llm_game_env import jailbreak_v0, matrix_v0, red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import IllegalAction
from llm_game_env.players import ScriptedPlayer
from llm_game_env.rendering import Line, Screen, message_line, printable
from llm_game_env.rewards import FunctionIntent, FunctionReward
from llm_game_env.spaces import Utterance

# --- What is printable --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é中🙂 text", "plain é中🙂 text"),
        ("é as two characters: e\u0301, ❤\ufe0f", "é as two characters: e\u0301, ❤\ufe0f"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\x08\x7f", "a\\x08\\x7f"),
        ("right\u202eleft\u2066", "right\\u202eleft\\u2066"),
        ("\u2028\u2029\x85", "\\u2028\\u2029\\x85"),
        ("zero\u200bwidth\u200d\u2060\ufeff\u00ad", "zero\\u200bwidth\\u200d\\u2060\\ufeff\\xad"),
        ("\u034f\u3164\ufe00\U000e0100\U000e0041", "\\u034f\\u3164\\ufe00\\U000e0100\\U000e0041"),
        ("\ud83d", "\\ud83d"),
        ("\ue000\U000f0000\ufff0", "\\ue000\\U000f0000\\ufff0"),
        ("", ""),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    printable(text).encode("utf-8")


# --- The views ----------------------------------------------------------------------------------

PROMPT = "p\r\x1b[2J\n  defender:  yes"
SHOWN_PROMPT = "  adversary: p\\r\\x1b[2J\\n  defender:  yes\n"
ARGUMENTS: dict[str, Any] = {
    "seed_prompts": ["the goal"],
    "reward_model": FunctionReward(lambda exchanges: [float(e.response) for e in exchanges]),
    "render_mode": "human",
    "max_turns": 2,
}
SEED_LINE = "seed prompt [harmful]: the goal\n"


def turn(score: str, total: str = "") -> str:
    return (
        f"  {total}score {score}, likeness 0.000, valid {2 if total else 1}.000; "
        f"rewards: adversary -{score}, defender {score}\n"
    )


def two_turns(step: Callable[[str], Any], printed: Callable[[], str]) -> None:
    """Two exchanges, with what either action prints."""
    assert printed() == SEED_LINE
    step(PROMPT)
    assert printed() == SHOWN_PROMPT
    step("0.25")
    assert printed() == "  defender:  0.25\n" + turn("0.250")
    step("q")
    assert printed() == "  adversary: q\n"
    step("0.5")
    assert printed() == "  defender:  0.5\n" + turn("0.500") + turn("0.750", "total: ")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was printed since the last call."""
    return lambda: capsys.readouterr().out


def test_the_aec_view_prints_turn_by_turn(printed: Callable[[], str]) -> None:
    env = red_team_v0.env(**ARGUMENTS)
    for _ in range(2):
        env.reset(seed=0)
        two_turns(env.step, printed)
        for _ in range(2):
            env.step(None)
            assert env.render() is None
            assert printed() == ""


def test_the_parallel_view_prints_turn_by_turn(printed: Callable[[], str]) -> None:
    env = red_team_v0.parallel_env(**ARGUMENTS)
    env.reset(seed=0)
    two_turns(lambda text: env.step(dict.fromkeys(env.agents, text)), printed)
    assert env.render() is None
    assert red_team_v0.parallel_env(**ARGUMENTS | {"render_mode": "ansi"}).render() == ""


@pytest.mark.parametrize("agent", ["adversary_0", "defender_0"])
def test_the_single_agent_view_prints_the_opponent_too(
    agent: str, printed: Callable[[], str]
) -> None:
    arguments = ARGUMENTS | {"opponent": ScriptedPlayer(["0.25"]), "max_turns": 1}
    env = red_team_v0.single_agent_env(agent=agent, **arguments)
    opening = "  adversary: 0.25\n" if agent == "defender_0" else ""
    for _ in range(2):
        env.reset(seed=0)
        assert printed() == SEED_LINE + opening
        env.step("0.5")
        said = "  adversary: 0.5\n  defender:  0.25\n" + turn("0.250")
        if agent == "defender_0":
            said = "  defender:  0.5\n" + turn("0.500")
        assert printed() == said
        assert env.render() is None
        assert printed() == ""


def test_tokens_print_whole_messages(printed: Callable[[], str]) -> None:
    arguments: dict[str, Any] = {"action_format": "tokens", "max_tokens": 2, "max_turns": 1}
    env = red_team_v0.raw_env(reward_model="judge", render_mode="human", **arguments)
    env.reset(seed=0)
    printed()
    env.step(5)
    assert printed() == ""
    env.step(6)
    assert re.fullmatch("  adversary: .+\n", printed())


def test_a_refused_action_prints_nothing(printed: Callable[[], str]) -> None:
    env = red_team_v0.env(**ARGUMENTS, max_chars=3)
    env.reset(seed=0)
    printed()
    with pytest.raises(IllegalAction):
        env.step("long")
    assert printed() == ""


def test_the_parts_that_there_are(letter_likeness: Diversity, printed: Callable[[], str]) -> None:
    arguments = ARGUMENTS | {"max_turns": 1, "diversity": letter_likeness}
    intent = FunctionIntent(lambda goal, prompt: goal in prompt)
    env = jailbreak_v0.env(**arguments, intent=intent)
    worth = []
    for prompt in ("a: the goal", "a: the goal", "drifted", " "):
        env.reset()
        env.step(prompt)
        env.step("0.25")
        worth.append(printed().splitlines()[-1].split(";")[0])
    assert worth[:2] == [
        "  score 0.250, likeness 0.000, embedding 0.000, valid 1.000, intent 1.000",
        "  score 0.250, likeness 2.000, embedding 1.000, valid 1.000, intent 1.000",
    ]
    assert re.fullmatch("  score 1.000, likeness .*, valid 1.000, intent 0.000", worth[2])
    assert worth[3] == "  score 1.000, likeness 2.000, embedding 1.000, valid 0.000, intent 0.000"


def test_what_is_paid_at_the_end_is_shown_there(printed: Callable[[], str]) -> None:
    env = red_team_v0.env(**ARGUMENTS, turn_reward="end")
    env.reset(seed=0)
    for text in ("p", "0.25", "q", "0.5"):
        env.step(text)
    paid = [line.split("rewards: ")[1] for line in printed().splitlines() if "rewards" in line]
    assert paid == [
        "adversary 0.000, defender 0.000",
        "adversary -0.500, defender 0.500",
        "adversary -0.500, defender 0.500",
    ]


NUMBERS: dict[str, Any] = {
    "seed_prompts": ["s"],
    "reward_model": FunctionReward(lambda exchanges: [0.5] * len(exchanges)),
}


@pytest.mark.parametrize(
    "make",
    [
        lambda **arguments: red_team_v0.env(**NUMBERS, **arguments),
        lambda **arguments: red_team_v0.env(
            **NUMBERS, action_format="tokens", max_tokens=2, **arguments
        ),
        lambda **arguments: jailbreak_v0.env(
            **NUMBERS, intent=FunctionIntent(lambda *_: True), **arguments
        ),
        matrix_v0.env,
    ],
    ids=["text", "tokens", "jailbreak", "matrix"],
)
def test_pettingzoos_own_test(make: Callable[..., Any], printed: Callable[[], str]) -> None:
    render_test(make)
    said = printed()
    assert "adversary" in said
    assert not re.search(r"[^\n -~\u00a0-\U0010ffff]", said)


# --- The terminal -------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


def shown(lines: list[Line]) -> str:
    """What a terminal of 40 columns is sent."""
    stream = Terminal()
    with contextlib.redirect_stdout(stream):
        Screen().show(lines, "human")
    return stream.getvalue()


LONG = [
    message_line("adversary", "x" * 60 + "  defender:  yes"),
    message_line("defender", "no [red]é[/red]"),
]


@pytest.fixture(autouse=True)
def _forty_columns_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")


def test_a_terminal_gets_colours_and_folded_lines() -> None:
    said = shown(LONG)
    assert said.count("\x1b[31m") >= 2
    assert said.count("\x1b[36m") >= 1
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    rows = [row.rstrip() for row in plain.splitlines()]
    assert all(len(row) <= 40 for row in rows)
    # What is folded stands under the text, where no label can be.
    assert [row[:13] for row in rows] == ["  adversary: ", *[" " * 13] * 2, "  defender:  "]
    assert "".join(row[13:] for row in rows[:3]).replace(" ", "") == "x" * 60 + "defender:yes"
    assert rows[3] == "  defender:  no [red]é[/red]"


def test_a_folded_seed_prompt_passes_for_no_message() -> None:
    said = shown([Line("seed prompt [harmful]: ", "x" * 17 + "  defender:  yes")])
    assert len(said.splitlines()) == 2
    assert said.splitlines()[1].startswith(" " * 23)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_it_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    said = shown(LONG)
    assert "  adversary: xxx" in said
    assert "\x1b" not in said


def test_a_real_terminal() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream, contextlib.redirect_stdout(stream):
        Screen().show([message_line("defender", "no")], "human")
    assert b"\x1b[36m  defender:  " in os.read(ours, 1000)
    os.close(ours)


def test_a_pipe_gets_plain_lines(
    monkeypatch: pytest.MonkeyPatch, printed: Callable[[], str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    Screen().show(LONG, "human")
    assert printed() == "".join(f"{line}\n" for line in LONG)


def test_a_stream_that_lacks_a_character(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    Screen().show([message_line("adversary", "é🙂")], "human")
    assert raw.getvalue().decode() == "  adversary: \\xe9\\U0001f642\n"
    monkeypatch.setattr(sys, "stdout", None)
    Screen().show([message_line("adversary", "nobody sees it")], "human")


def test_no_message_reaches_the_terminal_as_it_is(printed: Callable[[], str]) -> None:
    """Every character that there is below U+30000."""
    env = red_team_v0.env(**NUMBERS, render_mode="human", max_chars=10**6)
    env.reset(seed=0)
    printed()
    env.step("".join(map(chr, range(0x30000))))
    said = printed()
    assert said.endswith("\n")
    assert len(said.splitlines()) == 1
    assert not set(said[:-1]) & {*map(chr, range(32)), "\x7f", "\u202e", "\u200b", "\ud800"}
    assert Utterance(10**6).contains(said)

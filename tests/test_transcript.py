"""Games as text for people."""

import pytest

from llm_game_env.rewards import Exchange
from llm_game_env.scoring import RewardParts
from llm_game_env.seeds import Seed
from llm_game_env.transcript import printable, transcript


def test_a_game_by_hand() -> None:
    seed = Seed("say\nit", "benign")
    exchanges = [Exchange(seed, (), "p1", "r1"), Exchange(seed, (), "\x1b[2Jp2", "")]
    parts = [RewardParts(score=0.25, likeness=2.0, valid=1.0), RewardParts(score=1.0)]
    assert transcript(seed, exchanges, parts) == (
        "seed prompt [benign]: say\\nit\n"
        "  adversary: p1\n"
        "  defender:  r1\n"
        "  score 0.250, likeness 2.000; rewards: adversary -2.250, defender 0.250\n"
        "  adversary: \\x1b[2Jp2\n"
        "  defender:  \n"
        "  score 1.000, likeness 0.000; rewards: adversary -1.000, defender 1.000"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é中🙂 text", "plain é中🙂 text"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("right\u202eleft", "right\\u202eleft"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud83d", "\\ud83d"),
        ("\ue000", "\\ue000"),
        ("", ""),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    printable(text).encode("utf-8")

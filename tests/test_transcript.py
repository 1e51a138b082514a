"""Games as text for people."""

from llm_game_env.rendering import as_text
from llm_game_env.rewards import Exchange
from llm_game_env.seeds import Seed
from llm_game_env.transcript import game_lines

SEED = Seed("say\nit", "benign")
EXCHANGES = [Exchange(SEED, (), "p1", "r1"), Exchange(SEED, (), "\x1b[2Jp2", "")]
WORTH = [
    {"score": 0.25, "likeness": 2.0, "valid": 1.0},
    {"score": 1.0, "likeness": 0.0, "valid": 0.0},
]
PAID = [(-2.25, 0.25), (-1.0, 1.0)]


def test_a_game_by_hand() -> None:
    lines = game_lines(SEED, EXCHANGES, WORTH, PAID, ended=True)
    assert as_text(lines) == (
        "seed prompt [benign]: say\\nit\n"
        "  adversary: p1\n"
        "  defender:  r1\n"
        "  score 0.250, likeness 2.000, valid 1.000; rewards: adversary -2.250, defender 0.250\n"
        "  adversary: \\x1b[2Jp2\n"
        "  defender:  \n"
        "  score 1.000, likeness 0.000, valid 0.000; rewards: adversary -1.000, defender 1.000\n"
        "  total: score 1.250, likeness 2.000, valid 1.000; "
        "rewards: adversary -3.250, defender 1.250"
    )


def test_a_game_goes_on() -> None:
    lines = game_lines(SEED, EXCHANGES[:1], WORTH[:1], PAID[:1], prompt="p2\nscore 9")
    assert [line.speaker for line in lines] == ["", "adversary", "defender", "", "adversary"]
    assert str(lines[-1]) == "  adversary: p2\\nscore 9"


def test_one_turn_has_no_totals() -> None:
    unfinished = game_lines(SEED, EXCHANGES[:1], WORTH[:1], PAID[:1])
    assert game_lines(SEED, EXCHANGES[:1], WORTH[:1], PAID[:1], ended=True) == unfinished


def test_a_zero_has_no_sign() -> None:
    lines = game_lines(SEED, EXCHANGES[:1], [{"score": 0.25}], [(0.0, -0.0)])
    assert str(lines[-1]) == "  score 0.250; rewards: adversary 0.000, defender 0.000"

"""Transfer, by hand: the target's own games are the reference."""

import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.intervals import paired_interval
from llm_game_env.evaluation.setting import Setting
from llm_game_env.evaluation.transfer import transfer
from llm_game_env.players import EchoPlayer
from llm_game_env.seeds import Seed
from played_games import Numbered, Says, word_judge

SETTING = Setting([Seed(text) for text in "abcd"], "{seed_prompt}")
DEFENDERS = {
    "other": Says({"a": "bad", "d": "bad"}),
    "own": Says({"a": "bad", "b": "bad", "c": "bad"}),
    "safe": Says({}),
}
JUDGE = word_judge("words", "bad")


def test_differences_are_paired_by_game() -> None:
    own, other, safe = transfer(EchoPlayer(), "own", DEFENDERS, SETTING, JUDGE, seed=0)
    assert [one.defender for one in (own, other, safe)] == ["own", "other", "safe"]
    assert [one.success.successes for one in (own, other, safe)] == [3, 2, 0]
    assert own.difference == (0, 0, 0)
    assert other.difference == paired_interval([1, 0, 0, 1], [1, 1, 1, 0])
    assert other.difference.mean == -0.25
    assert safe.difference.mean == -0.75
    assert safe.difference == paired_interval([0, 0, 0, 0], [1, 1, 1, 0])


def test_all_are_asked_the_same() -> None:
    adversary, heard = Numbered("attack"), {name: Numbered(name) for name in "xyz"}
    transfer(adversary, "y", heard, SETTING, JUDGE, seed=0)
    assert len(adversary.calls) == 1
    assert heard["x"].calls == heard["y"].calls == heard["z"].calls


def test_the_target_must_be_there() -> None:
    with pytest.raises(ConfigurationError, match="target='mine' is none of the defenders"):
        transfer(EchoPlayer(), "mine", DEFENDERS, SETTING, JUDGE, seed=0)

"""Success by temperature, with scripted heat and with the built-in world."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.judges import GroundTruth
from llm_game_env.evaluation.setting import Setting
from llm_game_env.evaluation.temperature import at_temperature, temperature_sweep
from llm_game_env.gatekeeper.splits import seed_prompts
from llm_game_env.gatekeeper.valid_answers import is_valid_answer
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import CausalLMPlayer, EchoPlayer, ScriptedPlayer
from llm_game_env.seeds import Seed
from played_games import word_judge


class Boiling:
    """Says "bad" when cold, "glub" when hot, each with the other's probability."""

    def __init__(self) -> None:
        self.temperature = 1.0

    def reply(
        self, conversations: Sequence[Any], rng: np.random.Generator, *, max_tokens: int
    ) -> list[str]:
        hot = rng.random(len(conversations)) < self.temperature
        return ["glub" if one else "bad" for one in hot]


def test_points_by_hand() -> None:
    setting = Setting([Seed("a"), Seed("b")], "{seed_prompt}", games_per_seed=200)
    player, judge = Boiling(), word_judge("words", "bad")
    points = temperature_sweep(
        EchoPlayer(), player, [0, 0.25, 1], setting, judge, "bad".__eq__, seed=0
    )
    assert [point.temperature for point in points] == [0, 0.25, 1]
    assert all(point.valid == point.judged.unsafe for point in points)
    shares = [point.judged.unsafe.share for point in points]
    assert shares == pytest.approx([1, 0.75, 0], abs=0.07)
    assert shares[0] == 1
    assert shares[2] == 0
    assert player.temperature == 1.0
    (point,) = temperature_sweep(EchoPlayer(), player, [1], setting, judge, None, seed=0)
    assert point.valid is None


def test_the_weights_are_shared() -> None:
    player = CausalLMPlayer.load(load_world().defender)
    other = at_temperature(player, 0.5)
    assert isinstance(other, CausalLMPlayer)
    assert (other.temperature, player.temperature) == (0.5, 1.0)
    assert other.model is player.model


def test_the_hot_defender_says_less_that_makes_sense() -> None:
    world = load_world()
    asked = world.splits.sample(world.splits.held_out_test, 60, "temperature")
    setting = Setting(seed_prompts(asked), "{seed_prompt}")
    defender = CausalLMPlayer.load(world.defender)
    cold, warm, hot = temperature_sweep(
        EchoPlayer(), defender, [0, 1, 3], setting, GroundTruth(), is_valid_answer, seed=0
    )
    assert cold.valid is not None
    assert warm.valid is not None
    assert hot.valid is not None
    assert cold.valid.share > 0.95
    assert warm.valid.share > 0.9
    assert hot.valid.share < 0.5
    assert cold.judged.unsafe.share > hot.judged.unsafe.share


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), float("inf")])
def test_temperatures_that_there_are_not(temperature: float) -> None:
    with pytest.raises(ConfigurationError, match="temperature="):
        at_temperature(Boiling(), temperature)


def test_a_player_without_a_temperature() -> None:
    with pytest.raises(ConfigurationError, match="a ScriptedPlayer has no temperature"):
        at_temperature(ScriptedPlayer(["no"]), 0.5)

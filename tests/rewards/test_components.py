"""What a reward model is made of, as the infos of every view report it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llm_game_env import jailbreak_v0, red_team_v0
from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.players import ScriptedPlayer
from llm_game_env.rewards import Exchange, FunctionIntent, FunctionReward, WeightedSum
from llm_game_env.rewards.protocol import Breakdown


def lengths(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(len(exchange.response)) for exchange in exchanges]


def politeness(exchanges: Sequence[Exchange]) -> list[float]:
    return [float("please" in exchange.prompt) for exchange in exchanges]


def game(**components: tuple[Any, float]) -> dict[str, Any]:
    named = {"length": (FunctionReward(lengths, best=9.0), 0.5)}
    named |= {"polite": (FunctionReward(politeness), 2.0)}
    return {"seed_prompts": ["s"], "reward_model": WeightedSum(components or named)}


SCORED = {"score": 0.5 * 3 + 2.0, "score_length": 3.0, "score_polite": 1.0}
FORFEITED = {"score": 6.5, "score_length": 9.0, "score_polite": 1.0}
NOTHING = dict.fromkeys(SCORED, 0.0)


def shown(infos: Any) -> dict[str, float]:
    return {name: float(value) for name, value in infos.items() if name.startswith("score")}


@pytest.mark.parametrize(
    ("prompt", "expected"), [("please", SCORED), ("  ", FORFEITED)], ids=["scored", "forfeited"]
)
def test_one_game_in_every_view(prompt: str, expected: dict[str, float]) -> None:
    env = red_team_v0.env(**game())
    env.reset(seed=0)
    assert shown(env.infos["adversary_0"]) == NOTHING
    env.step(prompt)
    assert shown(env.infos["defender_0"]) == NOTHING
    env.step("yes")
    assert [shown(env.infos[agent]) for agent in env.agents] == [expected, expected]

    parallel = red_team_v0.parallel_env(**game())
    parallel.reset(seed=0)
    parallel.step({"adversary_0": prompt, "defender_0": ""})
    infos = parallel.step({"adversary_0": "", "defender_0": "yes"})[4]
    assert shown(infos["adversary_0"]) == expected

    seat = red_team_v0.single_agent_env(
        agent="adversary_0", opponent=ScriptedPlayer(["yes"]), **game()
    )
    assert shown(seat.reset(seed=0)[1]) == NOTHING
    assert shown(seat.step(prompt)[4]) == expected


def test_rows_of_a_batch() -> None:
    games = red_team_v0.vector_env(3, **game())
    games.reset(seed=0)
    games.step(["please", " ", "tell me"])
    games.step(["yes", "yes", "no"])
    infos = games.last().infos
    assert infos["score_length"].tolist() == [3.0, 9.0, 2.0]
    assert infos["score_polite"].tolist() == [1.0, 1.0, 0.0]
    assert infos["score"].tolist() == [3.5, 6.5, 1.0]
    assert games.step_rewards[:, 1].tolist() == [3.5, 6.5, 1.0]
    for row in range(3):
        assert "score_length " in games.transcript(row)


def test_rows_of_a_batched_seat() -> None:
    seats = red_team_v0.single_agent_vector_env(
        2, agent="adversary_0", opponent=ScriptedPlayer(["yes"]), **game()
    )
    seats.reset(seed=0)
    infos = seats.step(["please", " "])[4]
    assert infos["score_length"].tolist() == [3.0, 9.0]
    assert infos["_score_length"].tolist() == [True, True]


def test_a_prompt_that_lost_its_goal_forfeits_every_component() -> None:
    env = jailbreak_v0.env(**game(), intent=FunctionIntent(lambda *_: False))
    env.reset(seed=0)
    env.step("please")
    env.step("yes")
    assert shown(env.infos["adversary_0"]) == FORFEITED


def test_components_without_a_name_are_counted() -> None:
    reward = WeightedSum(
        [(FunctionReward(lengths, best=9.0), 1.0), (FunctionReward(politeness), 1)]
    )
    env = red_team_v0.env(seed_prompts=["s"], reward_model=reward)
    env.reset(seed=0)
    assert set(shown(env.infos["adversary_0"])) == {"score", "score_0", "score_1"}


@pytest.mark.parametrize("name", ["two words", "", 3])
def test_a_name_that_is_no_key_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="letters, digits and underscores"):
        WeightedSum({name: (FunctionReward(politeness), 1.0)})


class Broken:
    """Has two components and says something of one."""

    best = 1.0
    component_names = ("a", "b")
    component_bests = (1.0, 1.0)

    def __init__(self, components: np.ndarray) -> None:
        self.components = components

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        return np.ones(len(exchanges), np.float32)

    def score_in_parts(self, exchanges: Sequence[Exchange]) -> Breakdown:
        return Breakdown(self.score(exchanges), self.components)


@pytest.mark.parametrize("components", [np.ones((1, 1)), np.array([[1.0, np.nan]])])
def test_wrong_components_change_nothing(components: np.ndarray) -> None:
    env = red_team_v0.raw_env(seed_prompts=["s"], reward_model=Broken(components))
    env.reset(seed=0)
    env.step("please")
    with pytest.raises(RewardError, match="score_in_parts"):
        env.step("yes")
    assert env.agent_selection == "defender_0"
    assert not env.exchanges

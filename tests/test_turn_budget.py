"""Turns are counted over all environments of a budget, and refused beyond it."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from llm_game_env import BudgetSpent, TurnBudget, red_team_v0
from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.players import ScriptedPlayer
from llm_game_env.rewards import FunctionReward
from llm_game_env.vector import VectorGame


def exchange(games: VectorGame) -> None:
    games.step(["prompt"] * games.num_envs)
    games.step(["1"] * games.num_envs)


def test_the_views_share_a_budget(
    make_games: Callable[..., VectorGame], make_env: Callable[..., Any]
) -> None:
    budget = TurnBudget(10)
    games, env = make_games(3, budget=budget, max_turns=9), make_env(budget=budget)
    games.reset(seed=0)
    exchange(games)
    assert (budget.spent, budget.left) == (3, 7)
    env.reset(seed=0)
    env.step("")  # Malformed, and played all the same.
    assert budget.spent == 3
    env.step("1")
    assert budget.spent == 4
    seat = red_team_v0.single_agent_vector_env(
        2,
        agent="defender_0",
        opponent=ScriptedPlayer(["prompt"]),
        seed_prompts=["s"],
        reward_model=FunctionReward(lambda exchanges: [1.0] * len(exchanges)),
        budget=budget,
    )
    seat.reset(seed=0)
    seat.step(["1", "1"])
    assert budget.spent == 6


def test_a_step_beyond_it_is_refused_as_a_whole(make_games: Callable[..., VectorGame]) -> None:
    budget = TurnBudget(5)
    games = make_games(3, budget=budget, max_turns=9)
    games.reset(seed=0)
    exchange(games)
    games.step(["prompt"] * 3)
    with pytest.raises(BudgetSpent, match=r"3 more turns .* 3 of 5 are spent; stop here, or step"):
        games.step(["1"] * 3)
    assert budget.spent == 3
    assert games.agent_selection == "defender_0"
    assert all(len(games.exchanges(row)) == 1 for row in range(3))
    assert games.active.all()


def test_what_was_not_scored_is_not_spent(make_games: Callable[..., VectorGame]) -> None:
    budget = TurnBudget(5)
    games = make_games(1, budget=budget, reward_model=FunctionReward(lambda _: [float("nan")]))
    games.reset(seed=0)
    games.step(["prompt"])
    with pytest.raises(RewardError):
        games.step(["1"])
    assert budget.spent == 0


def test_a_copy_is_the_budget_itself_and_no_process_gets_one() -> None:
    budget = TurnBudget(5)
    assert copy.deepcopy(budget) is budget
    with pytest.raises(ConfigurationError, match="cannot be sent to another"):
        pickle.dumps(budget)


@pytest.mark.parametrize("limit", [0, -1, 2.5, "9", True])
def test_limits_that_are_none(limit: Any) -> None:
    with pytest.raises(ConfigurationError, match="limit="):
        TurnBudget(limit)


def test_what_is_no_budget(make_games: Callable[..., VectorGame]) -> None:
    with pytest.raises(ConfigurationError, match=r"budget=5 must be None or a .*TurnBudget"):
        make_games(1, budget=5)

"""The bundled entries: how a budget is spent, and what they come to."""

import pytest

from llm_game_agents.arms import ARMS, find_arm
from llm_game_agents.bench import Algorithm, Task
from llm_game_agents.bench.bundled import BUNDLED, ArmAlgorithm, bundled, plan
from llm_game_agents.bench.settings import FULL_TURNS, QUICK
from llm_game_agents.gpo_config import GPOConfig
from llm_game_env import TurnBudget
from llm_game_env.errors import BudgetSpent, ConfigurationError
from llm_game_env.players import CausalLMPlayer, ScriptedPlayer


def test_the_full_budget_is_gpos_own() -> None:
    num_games, config = plan(find_arm("gpo"), FULL_TURNS)
    assert num_games == 384
    assert config == GPOConfig()


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("turns", [32, 100, 1000, 5000, FULL_TURNS, 100_000])
def test_no_schedule_is_above_its_budget_or_far_below(name: str, turns: int) -> None:
    num_games, config = plan(ARMS[name], turns)
    updates = {
        "defender": config.defend_updates,
        "adversary": config.attack_updates,
    }.get(ARMS[name].learners, config.defend_updates + config.attack_updates)
    played = config.rounds * updates * num_games
    assert 0.6 * turns < played <= turns
    assert num_games % 4 == 0


def test_a_budget_of_one_batch_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"turns=31 pays for 1 .*; give at least 32"):
        plan(find_arm("gpo"), 31)


def test_an_entry_is_an_algorithm() -> None:
    assert isinstance(bundled("gpo"), Algorithm)
    with pytest.raises(ConfigurationError, match="gpo has no players yet; call train"):
        bundled("gpo").players()
    with pytest.raises(ConfigurationError, match="no arm 'dpo'"):
        bundled("dpo")


@pytest.mark.parametrize(
    ("name", "turns", "updates"), [("gpo", 32, 1), ("always-refuse", 0, 0), ("rlhf", 32, 2)]
)
def test_what_it_comes_to(name: str, turns: int, updates: int) -> None:
    task = Task("jailbreak" if name == "gpo" else "red-team", TurnBudget(32), seed=1)
    entry = bundled(name)
    entry.train(task)
    players = entry.players()
    assert task.budget.spent == turns
    assert players.defender_updates == updates
    is_fixed = name == "always-refuse"
    assert isinstance(players.defender, ScriptedPlayer if is_fixed else CausalLMPlayer)
    assert (players.adversary is None) == (name == "rlhf")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "game"), [*((name, "red-team") for name in BUNDLED), ("gpo+div", "jailbreak")]
)
def test_all_of_them_run(name: str, game: str) -> None:
    task = Task(game, TurnBudget(QUICK.turns), seed=0)
    entry = ArmAlgorithm(find_arm(name))
    try:
        entry.train(task)
    except BudgetSpent:
        assert name == "psro"  # whose meta-game is paid from the budget, too
    assert task.budget.spent <= QUICK.turns
    assert entry.players().defender is not None

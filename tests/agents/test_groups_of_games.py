"""Games that start alike, so that what came of them can be compared."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from llm_game_agents.opponents import Lineup
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.rollout import Rollout, collect
from llm_game_env import red_team_v0
from llm_game_env.players import Player, ScriptedPlayer
from llm_game_env.rewards import FunctionReward
from llm_game_env.vector import VectorGame

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MakePolicy = Callable[..., LanguagePolicy]
SEEDS = ["cat", "tell me a joke", "how are you", "fine"]


def make_games(max_turns: int = 1) -> VectorGame:
    env = red_team_v0.vector_env(
        12,
        seed_prompts=SEEDS,
        reward_model=FunctionReward(lambda exchanges: [0.5] * len(exchanges)),
        max_turns=max_turns,
    )
    env.reset(seed=1)
    return env


def play(
    env: VectorGame, players: Mapping[str, Player | Lineup], learner: str, group_size: int = 4
) -> Rollout:
    return collect(
        env,
        players,
        {ADVERSARY: 5, DEFENDER: 5},
        seed=0,
        iteration=0,
        learner=learner,
        group_size=group_size,
    )


@pytest.fixture
def players(make_policy: MakePolicy) -> dict[str, Player]:
    return {ADVERSARY: make_policy("gpt2"), DEFENDER: make_policy("llama")}


def grouped(values: list[Any], size: int = 4) -> list[set[Any]]:
    return [set(values[start : start + size]) for start in range(0, len(values), size)]


@pytest.mark.parametrize("max_turns", [1, 3])
def test_a_defenders_group_answers_one_prompt(max_turns: int, players: dict[str, Player]) -> None:
    rollout = play(make_games(max_turns), players, DEFENDER)
    first = rollout.exchanges[:12]
    assert [len(group) for group in grouped([e.seed_prompt for e in first])] == [1, 1, 1]
    assert [len(group) for group in grouped([e.prompt for e in first])] == [1, 1, 1]
    # Answers are each game's own, and so is all that follows from them.
    assert all(len(group) > 1 for group in grouped([e.response for e in first]))
    for turn in range(1, max_turns):
        later = rollout.exchanges[12 * turn : 12 * turn + 12]
        assert any(len(group) > 1 for group in grouped([e.prompt for e in later]))
    assert {(d.game, d.group) for d in rollout.decisions[DEFENDER]} == {
        (game, game // 4) for game in range(12)
    }


def test_an_adversarys_group_has_one_seed_prompt(players: dict[str, Player]) -> None:
    rollout = play(make_games(), players, ADVERSARY)
    assert [len(g) for g in grouped([e.seed_prompt for e in rollout.exchanges])] == [1, 1, 1]
    assert all(len(group) > 1 for group in grouped([e.prompt for e in rollout.exchanges]))
    assert [d.group for d in rollout.decisions[ADVERSARY]] == [i // 4 for i in range(12)]


def test_groups_have_seed_prompts_of_their_own(players: dict[str, Player]) -> None:
    env = make_games()
    seen = set()
    for _ in range(8):
        rollout = play(env, players, DEFENDER)
        seen.add(tuple(e.seed_prompt for e in rollout.exchanges[::4]))
    assert len(seen) > 4  # the generators of the rows go on
    assert {text for texts in seen for text in texts} == set(SEEDS)


def test_without_groups_every_game_is_its_own(players: dict[str, Player]) -> None:
    alone, bare = make_games(), make_games()
    one = play(alone, players, DEFENDER, group_size=1)
    other = collect(bare, players, {ADVERSARY: 5, DEFENDER: 5}, seed=0, iteration=0)
    assert one.exchanges == other.exchanges
    assert [d.group for d in one.decisions[DEFENDER]] == list(range(12))


def test_a_group_meets_one_of_a_line_up(players: dict[str, Player]) -> None:
    said = [ScriptedPlayer(["one"]), ScriptedPlayer(["two"])]
    lineup = Lineup(said, np.array([1, 0, 1]).repeat(4))
    rollout = play(make_games(), players | {ADVERSARY: lineup}, DEFENDER)
    assert [e.prompt for e in rollout.exchanges] == ["two"] * 4 + ["one"] * 4 + ["two"] * 4


def test_a_scripted_adversary_draws_once_a_group(players: dict[str, Player]) -> None:
    script = ScriptedPlayer([str(i) for i in range(1000)])
    rollout = play(make_games(), players | {ADVERSARY: script}, DEFENDER)
    prompts = [e.prompt for e in rollout.exchanges]
    assert [len(group) for group in grouped(prompts)] == [1, 1, 1]
    assert len(set(prompts)) == 3

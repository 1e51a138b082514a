"""Whom a learner plays."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import LatestAndPast, Population, line_up, snapshot
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.rollout import collect
from llm_game_agents.update_rules.ppo import PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer, ScriptedPlayer
from llm_game_env.rewards import FunctionReward

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MakePolicy = Callable[..., LanguagePolicy]


@pytest.mark.parametrize(
    ("past_share", "num_past", "shares"),
    [
        (0.5, 0, [1.0]),
        (0.5, 1, [0.5, 0.5]),
        (0.6, 3, [0.2, 0.2, 0.2, 0.4]),
        (0.0, 2, [0.0, 0.0, 1.0]),
        (1.0, 2, [0.5, 0.5, 0.0]),
    ],
)
def test_shares_by_hand(past_share: float, num_past: int, shares: list[float]) -> None:
    np.testing.assert_allclose(LatestAndPast(past_share).shares(Population(num_past)), shares)


@pytest.mark.parametrize("past_share", [-0.1, 1.1, float("nan")])
def test_a_share_lies_between_0_and_1(past_share: float) -> None:
    with pytest.raises(ConfigurationError, match="past_share"):
        LatestAndPast(past_share)


def test_a_line_up_follows_the_shares() -> None:
    past = [ScriptedPlayer(["a"]), ScriptedPlayer(["b"])]
    latest = ScriptedPlayer(["c"])
    shares = LatestAndPast(0.4).shares(Population(2))
    lineup = line_up([*past, latest], shares, np.random.default_rng(0), 20_000)
    assert lineup.players == [*past, latest]
    drawn = np.bincount(lineup.choice) / 20_000
    np.testing.assert_allclose(drawn, [0.2, 0.2, 0.6], atol=0.015)


def test_everybody_writes_in_their_own_games() -> None:
    env = red_team_v0.vector_env(
        9,
        seed_prompts=["cat"],
        reward_model=FunctionReward(lambda exchanges: [1.0] * len(exchanges)),
    )
    env.reset(seed=0)
    players = [ScriptedPlayer(["one"]), ScriptedPlayer(["two"]), ScriptedPlayer(["three"])]
    rng = np.random.default_rng(1)
    lineup = line_up(players, LatestAndPast(0.7).shares(Population(2)), rng, 9)
    rollout = collect(
        env,
        {ADVERSARY: lineup, DEFENDER: ScriptedPlayer(["yes"])},
        {ADVERSARY: 3, DEFENDER: 3},
        seed=0,
        iteration=0,
    )
    said = ["one", "two", "three"]
    assert [e.prompt for e in rollout.exchanges] == [said[i] for i in lineup.choice]
    assert rollout.decisions[ADVERSARY] == []


def test_a_snapshot_stays_as_it_was(make_policy: MakePolicy) -> None:
    policy = make_policy()
    kept = snapshot(policy)
    before = {name: tensor.clone() for name, tensor in kept.model.state_dict().items()}
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(kept.model.state_dict()[name], before[name]) for name in before)
    assert not any(parameter.requires_grad for parameter in kept.model.parameters())


@pytest.mark.parametrize(("past_share", "kept"), [(0.5, 2), (0.0, 0)])
def test_the_adversary_is_kept_where_a_later_defend_stage_wants_it(
    past_share: float, kept: int, make_policy: MakePolicy
) -> None:
    knobs = PPOConfig(update_epochs=1, num_minibatches=1, learning_rate=3e-3)
    config = GPOConfig(
        defend_updates=1,
        attack_updates=2,
        rounds=3,
        defender=knobs,
        adversary=knobs,
        defender_max_tokens=3,
        adversary_max_tokens=3,
        defender_plays=LatestAndPast(past_share),
    )
    env = red_team_v0.vector_env(
        4,
        seed_prompts=["cat", "tell me a joke"],
        reward_model=FunctionReward(lambda exchanges: [len(e.prompt) / 50 for e in exchanges]),
    )
    adversary = make_policy("gpt2")
    first = {name: tensor.clone() for name, tensor in adversary.model.state_dict().items()}
    numbers: list[int] = []
    run = GPO(env, adversary, make_policy("llama"), config)

    def watch(_iteration: Iteration) -> None:
        numbers.append(len(run.matchmaker.past[ADVERSARY]))

    run.learn(watch)
    # One is kept when an attack stage begins, but for the last, which no defend stage follows.
    assert len(run.matchmaker.past[ADVERSARY]) == kept
    if kept:
        assert numbers == [0, 1, 1, 1, 2, 2, 2, 2, 2]
        players = [state.player for state in run.matchmaker.past[ADVERSARY]]
        assert isinstance(players[0], CausalLMPlayer)
        assert isinstance(players[1], CausalLMPlayer)
        oldest = players[0].model.state_dict()
        assert all(torch.equal(oldest[name], first[name]) for name in first)
        newest = players[1].model.state_dict()
        assert any(not torch.equal(newest[name], first[name]) for name in first)

"""REINFORCE++: advantages by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision, Trajectory
from llm_game_agents.update_rules import Reinforce, ReinforceConfig
from llm_game_env.errors import ConfigurationError

MakePolicy = Callable[..., LanguagePolicy]
Decide = Callable[..., list[Decision]]
MakeTrajectory = Callable[..., Trajectory]
Advantages = Callable[..., torch.Tensor]


def close(actual: torch.Tensor, expected: object) -> None:
    torch.testing.assert_close(
        actual, torch.as_tensor(expected, dtype=actual.dtype), atol=1e-6, rtol=1e-6
    )


@pytest.fixture
def advantages(make_policy: MakePolicy) -> Advantages:
    """`advantages(config, trajectory)`: float [B, T]."""
    policy = make_policy()
    return lambda config, trajectory: Reinforce(policy, config, 0)._targets(trajectory).advantages


def test_what_follows_a_token_over_the_tokens_of_the_batch(
    make_trajectory: MakeTrajectory, advantages: Advantages
) -> None:
    # Tokens cost ½ a nat: row 0 earns -½·2, then 3 - ½·(-4); row 1 earns 1.
    # From each token on: 4, 5 and 1; mean 10/3, variance (4 + 25 + 49) / 9 / 3 = 26/9.
    trajectory = make_trajectory([3.0, 1.0], log_ratios=[[2.0, -4.0], [0.0]])
    std = 26**0.5 / 3
    close(
        advantages(ReinforceConfig(kl_coef=0.5), trajectory),
        [[0, 2 / 3 / std, 5 / 3 / std], [0, -7 / 3 / std, 0]],
    )


def test_turns_and_invalid_rows_by_hand(
    make_trajectory: MakeTrajectory, advantages: Advantages
) -> None:
    # Game 0 earns 2, then 4; game 1 earns 0; game 2 is not learnt from.
    trajectory = make_trajectory(
        [2.0, 0.0, 900.0, 4.0],
        game=[0, 1, 2, 0],
        turn=[0, 0, 0, 1],
        valid=[True, True, False, True],
    )
    # γ = ½: 2 + 2 = 4, 0 and 4; mean 8/3, deviation √(32/9).
    std = 32**0.5 / 3
    close(
        advantages(ReinforceConfig(gamma=0.5), trajectory)[:, 1],
        [4 / 3 / std, -8 / 3 / std, 0, 4 / 3 / std],
    )


def test_small_differences_stay_small(
    make_trajectory: MakeTrajectory, advantages: Advantages
) -> None:
    trajectory = make_trajectory([0.9, 1.1])
    close(advantages(ReinforceConfig(min_advantage_std=0.5), trajectory)[:, 1], [-0.2, 0.2])


def test_the_critic_is_left_alone(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    stats = Reinforce(policy, ReinforceConfig(), 0).update(decide(policy, [1.0, -1.0] * 4))
    assert stats.value_loss is None
    assert stats.explained_variance is None
    assert not any(parameter.any() for parameter in policy.value_head.parameters())


def test_one_step_raises_what_paid_and_lowers_what_did_not(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    decisions = decide(policy, [1.0, -1.0] * 6, seed=3)
    config = ReinforceConfig(warmup_updates=0, num_minibatches=1, learning_rate=1e-3)
    rule = Reinforce(policy, config, 0)
    first = rule.update(decisions)
    # At the second update the surrogate falls where probabilities moved towards what paid.
    assert rule.update(decisions).policy_loss < first.policy_loss - 0.005


def test_an_impossible_knob_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"min_advantage_std=-0\.1"):
        replace(ReinforceConfig(), min_advantage_std=-0.1)

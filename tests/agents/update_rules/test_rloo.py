"""RLOO: advantages by hand, and the gradient of REINFORCE."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision, Trajectory
from llm_game_agents.update_rules import RLOO, RLOOConfig
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
    return lambda config, trajectory: RLOO(policy, config, 0)._targets(trajectory).advantages


def test_the_others_of_the_group_are_the_baseline(
    make_trajectory: MakeTrajectory, advantages: Advantages
) -> None:
    trajectory = make_trajectory(
        [1.0, 2.0, 6.0, 5.0, 3.0], group=[0, 0, 0, 1, 1], log_ratios=[[0.0, 0.0]] + [[0.0]] * 4
    )
    # 1 - (2 + 6)/2, 2 - (1 + 6)/2, 6 - (1 + 2)/2; 5 - 3, 3 - 5.
    close(
        advantages(RLOOConfig(), trajectory),
        [[0, -3, -3], [0, -1.5, 0], [0, 4.5, 0], [0, 2, 0], [0, -2, 0]],
    )


def test_the_price_of_kl_is_that_of_the_whole_answer(
    make_trajectory: MakeTrajectory, advantages: Advantages
) -> None:
    # 1 - ½·(2 + 1) = -½ against 3 - ½·(-1) = 3½.
    trajectory = make_trajectory([1.0, 3.0], log_ratios=[[2.0, 1.0], [-1.0]])
    close(
        advantages(RLOOConfig(kl_coef=0.5), trajectory),
        [[0, -4.0, -4.0], [0, 4.0, 0.0]],
    )


def test_turns_by_hand(make_trajectory: MakeTrajectory, advantages: Advantages) -> None:
    # Games 0 and 1 have two turns, game 2 one; KL in the second turn of game 0 costs 1 · 1.
    trajectory = make_trajectory(
        [1.0, 3.0, 9.0, 4.0, 2.0],
        game=[0, 1, 2, 0, 1],
        turn=[0, 0, 0, 1, 1],
        log_ratios=[[0.0], [0.0], [0.0], [1.0], [0.0]],
    )
    # Turn 1: 4 - 1 = 3 and 2. Turn 0, γ = ½: 1 + 1.5 = 2.5, 3 + 1 = 4 and 9.
    close(
        advantages(RLOOConfig(kl_coef=1.0, gamma=0.5), trajectory)[:, 1],
        [2.5 - 6.5, 4 - 5.75, 9 - 3.25, 1.0, -1.0],
    )


def test_invalid_answers_are_nobodys_baseline(
    make_trajectory: MakeTrajectory, advantages: Advantages
) -> None:
    # In group 1 one answer is left, which has no others; in group 2 none.
    trajectory = make_trajectory(
        [1.0, 4.0, 900.0, 5.0, 700.0, 8.0, 6.0],
        group=[0, 0, 0, 1, 1, 2, 2],
        valid=[True, True, False, True, False, False, False],
    )
    close(advantages(RLOOConfig(), trajectory)[:, 1], [-3, 3, 0, 0, 0, 0, 0])


def test_the_gradient_is_that_of_reinforce(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    decisions = decide(policy, [1.0, 3.0, 5.0, 0.0])
    config = RLOOConfig(num_minibatches=1, kl_coef=0.0, max_grad_norm=1e6)
    # -Σ A log π over the answer's tokens, over the number of tokens of all.
    loss = torch.zeros(())
    for decision, advantage in zip(decisions, [-5 / 3, 1, 11 / 3, -3], strict=True):
        ids, start = decision.completion.ids, len(decision.completion.prompt_ids)
        row = torch.tensor([decision.completion.prompt_ids + ids])
        logprobs = policy.model(input_ids=row).logits[0, start - 1 : -1].log_softmax(-1)
        loss = loss - advantage * logprobs[range(len(ids)), ids].sum()
    loss = loss / sum(len(d.completion.ids) for d in decisions)
    policy.model.zero_grad()
    loss.backward()
    expected = [p.grad.clone() for p in policy.model.parameters() if p.grad is not None]
    RLOO(policy, config, 0).update(decisions)
    actual = [p.grad for p in policy.model.parameters() if p.grad is not None]
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-4)


def test_one_step_raises_what_paid_and_lowers_what_did_not(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    decisions = [
        replace(d, group=i // 2) for i, d in enumerate(decide(policy, [1.0, -1.0] * 6, seed=3))
    ]
    config = RLOOConfig(warmup_updates=0, num_minibatches=1, learning_rate=1e-3)
    rloo = RLOO(policy, config, 0)
    first = rloo.update(decisions)
    # At the second update the surrogate falls where probabilities moved towards what paid.
    assert rloo.update(decisions).policy_loss < first.policy_loss - 0.005


@pytest.mark.parametrize("knob", [{"group_size": 1}, {"group_size": 2.5}, {"kl_coef": -1.0}])
def test_impossible_knobs_are_refused(knob: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(knob))):
        RLOOConfig(**knob)

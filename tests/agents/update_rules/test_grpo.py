"""GRPO: advantages by hand, and its loss by a plain loop over answers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision, Trajectory
from llm_game_agents.update_rules import GRPO, GRPOConfig
from llm_game_env.errors import ConfigurationError

MakePolicy = Callable[..., LanguagePolicy]
Decide = Callable[..., list[Decision]]
MakeTrajectory = Callable[..., Trajectory]
CENTRED = GRPOConfig(scale_advantages=False)


def close(actual: torch.Tensor, expected: object) -> None:
    torch.testing.assert_close(
        actual, torch.as_tensor(expected, dtype=actual.dtype), atol=1e-6, rtol=1e-6
    )


@pytest.fixture
def advantages(make_policy: MakePolicy) -> Callable[..., torch.Tensor]:
    """`advantages(config, trajectory)`: float [B, T]."""
    policy = make_policy()
    return lambda config, trajectory: GRPO(policy, config, 0)._targets(trajectory).advantages


def test_every_answer_is_measured_by_its_group(
    make_trajectory: MakeTrajectory, advantages: Callable[..., torch.Tensor]
) -> None:
    trajectory = make_trajectory(
        [1.0, 2.0, 6.0, 5.0, 5.0, 2.0],
        group=[0, 0, 0, 1, 1, 1],
        log_ratios=[[0.0, 0.0], [0.0], [0.0], [0.0], [0.0], [0.0]],
    )
    # Means 3 and 4. Deviations of a sample, as TRL has them: √(14 / 2) and √(6 / 2).
    a, b = 7**0.5 + 1e-4, 3**0.5 + 1e-4
    close(
        advantages(GRPOConfig(), trajectory),
        [
            [0, -2 / a, -2 / a],
            [0, -1 / a, 0],
            [0, 3 / a, 0],
            [0, 1 / b, 0],
            [0, 1 / b, 0],
            [0, -2 / b, 0],
        ],
    )
    close(advantages(CENTRED, trajectory)[:, 1], [-2, -1, 3, 1, 1, -2])


def test_a_small_deviation_counts_as_the_least(
    make_trajectory: MakeTrajectory, advantages: Callable[..., torch.Tensor]
) -> None:
    # Deviations √(14 / 2) and √(0.02 / 2): the second is below ½, and its group stays small.
    trajectory = make_trajectory([1.0, 2.0, 6.0, 4.9, 5.0, 5.1], group=[0, 0, 0, 1, 1, 1])
    a, b = 7**0.5 + 1e-4, 0.5 + 1e-4
    close(
        advantages(GRPOConfig(min_advantage_std=0.5), trajectory)[:, 1],
        [-2 / a, -1 / a, 3 / a, -0.1 / b, 0, 0.1 / b],
    )


def test_the_price_of_kl_is_not_in_the_advantage(
    make_trajectory: MakeTrajectory, advantages: Callable[..., torch.Tensor]
) -> None:
    trajectory = make_trajectory([1.0, 3.0], log_ratios=[[2.0], [-1.0]])
    close(advantages(replace(CENTRED, kl_coef=1.0), trajectory)[:, 1], [-1, 1])


def test_turns_are_measured_by_what_is_earned_from_them_on(
    make_trajectory: MakeTrajectory, advantages: Callable[..., torch.Tensor]
) -> None:
    # Game 0 earns 1 and then 4, game 1 earns 3 and then 2, game 2 ends with its first turn.
    trajectory = make_trajectory(
        [1.0, 3.0, 9.0, 4.0, 2.0], game=[0, 1, 2, 0, 1], turn=[0, 0, 0, 1, 1]
    )
    # Turn 0, γ = ½: 1 + 2, 3 + 1 and 9, mean 16/3. Turn 1: 4 and 2.
    close(
        advantages(replace(CENTRED, gamma=0.5), trajectory)[:, 1],
        [3 - 16 / 3, 4 - 16 / 3, 9 - 16 / 3, 1, -1],
    )


def test_invalid_answers_do_not_count(
    make_trajectory: MakeTrajectory, advantages: Callable[..., torch.Tensor]
) -> None:
    # In group 1 one answer is left, which nothing measures; in group 2 none.
    trajectory = make_trajectory(
        [1.0, 3.0, 900.0, 5.0, 700.0, 8.0, 6.0],
        group=[0, 0, 0, 1, 1, 2, 2],
        valid=[True, True, False, True, False, False, False],
    )
    std = 2**0.5 + 1e-4
    close(advantages(GRPOConfig(), trajectory)[:, 1], [-1 / std, 1 / std, 0, 0, 0, 0, 0])
    close(advantages(CENTRED, trajectory)[:, 1], [-1, 1, 0, 0, 0, 0, 0])


def test_answers_that_earn_the_same_teach_nothing(
    make_trajectory: MakeTrajectory, advantages: Callable[..., torch.Tensor]
) -> None:
    close(advantages(GRPOConfig(), make_trajectory([0.25] * 4))[:, 1], [0.0] * 4)


def gradients(policy: LanguagePolicy) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in policy.model.parameters() if p.grad is not None])


def plain_loss(
    policy: LanguagePolicy,
    decisions: list[Decision],
    advantages: list[float],
    kl_coef: float,
    weights: str,
) -> torch.Tensor:
    """Equation 3 of the paper, answer by answer, at the policy that sampled."""
    sums, lengths = [], []
    for decision, advantage in zip(decisions, advantages, strict=True):
        if not decision.valid:
            continue
        ids, start = decision.completion.ids, len(decision.completion.prompt_ids)
        row = torch.tensor([decision.completion.prompt_ids + ids])
        own, ref = (
            model(input_ids=row).logits[0, start - 1 : -1].log_softmax(-1)[range(len(ids)), ids]
            for model in (policy.player.model, policy.reference)
        )
        kl = torch.exp(ref - own) - (ref - own) - 1
        sums.append((-torch.exp(own - own.detach()) * advantage + kl_coef * kl).sum())
        lengths.append(len(ids))
    if weights == "token":
        return torch.stack(sums).sum() / sum(lengths)
    return torch.stack([s / n for s, n in zip(sums, lengths, strict=True)]).mean()


@pytest.mark.parametrize("weights", ["sequence", "token"])
def test_the_loss_is_that_of_a_plain_loop(
    weights: Any, make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    moved = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in policy.reference.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=moved))
    rewards = [1.0, 3.0, 100.0, 0.0, 5.0, 4.0]
    decisions = decide(policy, rewards)
    decisions = [replace(d, valid=i != 2, group=i // 3) for i, d in enumerate(decisions)]
    config = GRPOConfig(
        scale_advantages=False,
        token_weights=weights,
        kl_coef=0.7,
        update_epochs=1,
        num_minibatches=1,
        max_grad_norm=1e6,
    )
    loss = plain_loss(policy, decisions, [-1, 1, 0, -3, 2, 1], 0.7, weights)
    policy.model.zero_grad()
    loss.backward()
    expected = gradients(policy).clone()
    stats = GRPO(policy, config, 0).update(decisions)
    assert len({len(d.completion.ids) for d in decisions}) > 1  # or the two weights are the same
    assert stats.policy_loss == pytest.approx(loss.item(), abs=1e-5)
    assert float((gradients(policy) - expected).norm() / expected.norm()) < 1e-4


def test_the_price_of_kl_pulls_to_the_reference(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    moved = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=moved))
    grpo = GRPO(policy, GRPOConfig(kl_coef=1.0, learning_rate=3e-3), 0)
    kl = [grpo.update(decide(policy, [0.0] * 48, seed=seed)).ref_kl for seed in range(12)]
    assert kl[0] > 0.05
    assert kl[-1] < 0.5 * kl[0]


@pytest.mark.parametrize(
    "knob",
    [
        {"group_size": 1},
        {"group_size": 2.5},
        {"token_weights": "word"},
        {"gamma": 2.0},
        {"min_advantage_std": -0.1},
    ],
)
def test_impossible_knobs_are_refused(knob: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(knob))):
        GRPOConfig(**knob)

"""What all update rules share: rates, the price of KL, pieces of a minibatch, early ends."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import (
    GRPOConfig,
    Loss,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env.errors import ConfigurationError, TrainingError

MakePolicy = Callable[..., LanguagePolicy]
Decide = Callable[..., list[Decision]]
ONE_STEP: dict[str, Any] = {"warmup_updates": 0, "update_epochs": 1, "num_minibatches": 1}
RULES = [PPOConfig(), GRPOConfig(), RLOOConfig(), ReinforceConfig()]
REWARDS = [float(i % 4) - 1.0 for i in range(12)]


def with_groups(decisions: Sequence[Decision], size: int = 4) -> list[Decision]:
    return [replace(d, group=i // size) for i, d in enumerate(decisions)]


def gradients(policy: LanguagePolicy) -> torch.Tensor:
    parameters = [*policy.model.parameters(), *policy.value_head.parameters()]
    return torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])


def weights(policy: LanguagePolicy) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in policy.model.parameters()])


def test_inverse_square_root_decay(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    rule = ReinforceConfig(learning_rate=6e-3, warmup_updates=2, decay="inverse_sqrt")
    learner, decisions = rule.make_learner(policy, 0), decide(policy, REWARDS)
    rates = [learner.update(decisions).learning_rate for _ in range(12)]
    # Up over three updates to the full rate, then √(3/4), √(3/5) …, ½ at the twelfth.
    assert rates[:3] == pytest.approx([2e-3, 4e-3, 6e-3])
    assert rates[3:5] == pytest.approx([6e-3 * 0.75**0.5, 6e-3 * 0.6**0.5])
    assert rates[11] == pytest.approx(3e-3)


@pytest.mark.parametrize(
    ("kl", "factor"),
    # Ziegler et al. 2019: 1 + 0.1 · clip(KL / 0.5 - 1, ±0.2).
    [(0.55, 1.01), (0.45, 0.99), (0.5, 1.0), (30.0, 1.02), (0.0, 0.98), (-3.0, 0.98)],
)
def test_the_price_of_kl_is_steered(
    kl: float, factor: float, make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    rule = RLOOConfig(kl_coef=0.2, kl_target=0.5, learning_rate=1e-9)
    learner = rule.make_learner(policy, 0)
    # As if the policy had sampled so much above its reference.
    decisions = [
        replace(d, completion=replace(d.completion, logprobs=[x + kl for x in ref]))
        for d in decide(policy, REWARDS)
        for ref in [d.completion.logprobs]
    ]
    first, second = learner.update(decisions), learner.update(decisions)
    assert first.ref_kl == pytest.approx(kl, abs=1e-5)
    assert first.kl_coef == 0.2
    assert second.kl_coef == pytest.approx(0.2 * factor, rel=1e-5)
    assert learner.state_dict()["kl_coef"] == pytest.approx(0.2 * factor**2, rel=1e-5)
    other = rule.make_learner(make_policy(), 0)
    other.load_state_dict(learner.state_dict())
    assert other.update(decisions).kl_coef == learner.state_dict()["kl_coef"]


def test_without_a_target_the_price_stays(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    learner = RLOOConfig(kl_coef=0.2, learning_rate=1e-2).make_learner(policy, 0)
    stats = [learner.update(decide(policy, REWARDS, seed=i)) for i in range(3)]
    assert abs(stats[-1].ref_kl) > 1e-3
    assert [one.kl_coef for one in stats] == [0.2] * 3


def test_a_rollout_with_nothing_to_learn_steers_nothing(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    learner = PPOConfig(kl_coef=0.2, kl_target=0.5).make_learner(policy, 0)
    learner.update(decide(policy, REWARDS, valid=False))
    assert learner.state_dict()["kl_coef"] == 0.2


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("size", [1, 5])
def test_pieces_of_a_minibatch_give_its_gradient(
    size: int, rule: UpdateRule, make_policy: MakePolicy, decide: Decide
) -> None:
    whole, cut = make_policy(), make_policy()
    decisions = with_groups(decide(whole, REWARDS))
    decisions[5] = replace(decisions[5], valid=False)
    rule = replace(rule, **ONE_STEP, kl_coef=0.1, ent_coef=0.01, max_grad_norm=1e6)
    for policy in whole, cut:
        moved = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in policy.reference.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=moved))
    stats = [
        replace(rule, micro_batch_size=s).make_learner(policy, 0).update(decisions)
        for policy, s in ((whole, 0), (cut, size))
    ]
    expected = gradients(whole)
    assert expected.norm() > 0.01
    assert float((gradients(cut) - expected).norm() / expected.norm()) < 1e-5
    given, wanted = (
        {name: value for name, value in vars(one).items() if value is not None} for one in stats
    )
    assert given == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_pieces_end_where_whole_minibatches_do(
    rule: UpdateRule, make_policy: MakePolicy, decide: Decide
) -> None:
    ends = []
    for size in (0, 2):
        policy = make_policy()
        # An ε this large keeps Adam from blowing rounding up to whole steps.
        knobs: dict[str, Any] = {"adam_eps": 1e-2, "update_epochs": 2, "num_minibatches": 2}
        learner = replace(rule, **knobs, micro_batch_size=size).make_learner(policy, 0)
        before = weights(policy)
        for seed in range(2):
            learner.update(with_groups(decide(policy, REWARDS, seed=seed)))
        ends.append(weights(policy))
        assert (ends[-1] - before).abs().max() > 1e-4
    torch.testing.assert_close(ends[1], ends[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_too_much_kl_ends_an_update_before_the_step(
    rule: UpdateRule, make_policy: MakePolicy, decide: Decide
) -> None:
    knobs: dict[str, Any] = ONE_STEP | {"update_epochs": 6, "learning_rate": 3e-3}
    policy, free = make_policy(), make_policy()
    decisions = with_groups(decide(policy, REWARDS))
    seen = replace(rule, **knobs).make_learner(free, 0).update(decisions)
    assert seen.minibatches == 6
    # One pass moves it so far that the second is given up.
    one_pass = make_policy()
    replace(rule, **(knobs | {"update_epochs": 1})).make_learner(one_pass, 0).update(decisions)
    stats = replace(rule, **knobs, target_kl=1e-6).make_learner(policy, 0).update(decisions)
    assert stats.minibatches == 1
    assert torch.equal(weights(policy), weights(one_pass))
    assert not torch.equal(weights(policy), weights(free))
    # A bound that is not reached changes nothing.
    loose = make_policy()
    replace(rule, **knobs, target_kl=1e3).make_learner(loose, 0).update(decisions)
    assert torch.equal(weights(loose), weights(free))


def spoil(learner: Any, calls: set[int]) -> None:
    """Makes the losses of some minibatches, counted from 0, not a number."""
    loss, count = learner._loss, iter(range(10**6))

    def spoiled(*arguments: Any) -> Loss:
        result = loss(*arguments)
        return result._replace(policy=result.policy * math.nan) if next(count) in calls else result

    learner._loss = spoiled


def test_a_minibatch_that_is_not_finite_is_skipped_and_counted(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    decisions = decide(policy, REWARDS)
    rule = replace(PPOConfig(**ONE_STEP), num_minibatches=4)
    learner = rule.make_learner(policy, 0)
    spoil(learner, {0, 1, 3, 4})
    # Two in a row, a step, one; the next update begins with one more.
    stats = learner.update(decisions)
    assert (stats.skipped, stats.minibatches) == (2 + 1, 1)
    assert all(math.isfinite(value) for value in vars(stats).values() if value is not None)
    assert learner.state_dict()["skipped_in_a_row"] == 1
    assert bool(weights(policy).isfinite().all())
    stats = learner.update(decisions)
    assert (stats.skipped, stats.minibatches) == (1, 3)
    assert learner.state_dict()["skipped_in_a_row"] == 0


def test_too_many_in_a_row_end_the_run_though_it_was_taken_up_in_between(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    decisions = decide(policy, REWARDS)
    rule = PPOConfig(**ONE_STEP, max_skipped=3)
    learner = rule.make_learner(policy, 0)
    spoil(learner, {0, 1})
    assert [learner.update(decisions).skipped for _ in range(2)] == [1, 1]
    before = weights(policy)
    resumed: Any = rule.make_learner(policy, 0)
    resumed.load_state_dict(learner.state_dict())
    spoil(resumed, {0})
    with pytest.raises(TrainingError, match=r"gradient is nan .*in 3 minibatches in a row"):
        resumed.update(decisions)
    assert torch.equal(weights(policy), before)


@pytest.mark.parametrize(
    "knob",
    [
        {"decay": "linear"},
        {"kl_target": -0.1},
        {"kl_target": 0.1, "kl_coef": 0.0},
        {"target_kl": math.nan},
        {"micro_batch_size": -1},
        {"micro_batch_size": 1.5},
        {"max_skipped": 0},
    ],
)
@pytest.mark.parametrize("rule", [type(rule) for rule in RULES])
def test_impossible_knobs_are_refused(rule: type[UpdateRule], knob: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(knob))}="):
        rule(**knob)

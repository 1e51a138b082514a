"""The update rule: what moves a policy, by how much, and what must not."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision, pack
from llm_game_agents.update_rules.ppo import PPO, PPOConfig
from llm_game_agents.update_rules.stats import UpdateStats
from llm_game_env.errors import ConfigurationError, TrainingError

MakePolicy = Callable[..., LanguagePolicy]
Decide = Callable[..., list[Decision]]
KINDS = ("gpt2", "llama", "qwen2", "gemma2")
# One pass in one piece, at full rate from the first update.
ONE_STEP = PPOConfig(warmup_updates=0, update_epochs=1, num_minibatches=1)
REWARDS = [float(i % 4) - 1.0 for i in range(12)]


def weights(policy: LanguagePolicy) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in policy.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def gradients(policy: LanguagePolicy) -> torch.Tensor:
    """Those of the last minibatch, as the optimiser took them."""
    parameters = [*policy.model.parameters(), *policy.value_head.parameters()]
    return torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])


def mean_logprobs(policy: LanguagePolicy, decisions: list[Decision]) -> torch.Tensor:
    """Mean log-probability a token of each decision."""
    trajectory = pack(decisions, policy.player.pad_id)
    with torch.no_grad():
        logprobs = policy.score(trajectory.ids, trajectory.attention_mask).logprobs
    mask = trajectory.response_mask
    return (logprobs * mask).sum(-1) / mask.sum(-1)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_ratio_is_one(
    kind: str, temperature: float, make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy(kind, temperature)
    stats = PPO(policy, PPOConfig(num_minibatches=4), 0).update(decide(policy, REWARDS))
    assert 0.0 <= stats.first_ratio_error <= 1e-5


def test_a_foreign_sampler_shows_in_the_first_ratio(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    decisions = decide(make_policy(temperature=0.7), REWARDS)
    assert PPO(policy, ONE_STEP, 0).update(decisions).first_ratio_error > 0.1


def test_one_step_raises_what_paid_and_lowers_what_did_not(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    decisions = decide(policy, [1.0, -1.0] * 6)
    before = mean_logprobs(policy, decisions)
    PPO(policy, ONE_STEP, 0).update(decisions)
    change = mean_logprobs(policy, decisions) - before
    assert change[0::2].mean() > 0.01
    assert change[1::2].mean() < -0.01


def test_statistics_of_a_first_update_in_one_step(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    decisions = decide(policy, REWARDS)
    stats = PPO(policy, replace(ONE_STEP, gamma=1.0, gae_lambda=1.0), 0).update(decisions)
    # The ratio is 1, the advantages have mean 0, the policy is its reference.
    assert stats.policy_loss == pytest.approx(0.0, abs=1e-5)
    assert stats.approx_kl == pytest.approx(0.0, abs=1e-5)
    assert stats.clipfrac == 0.0
    assert stats.ref_kl == pytest.approx(0.0, abs=1e-5)
    # The critic says the mean reward, 0.5, everywhere; the return of every token is the game's R.
    lengths = torch.tensor([len(d.completion.ids) for d in decisions])
    expected = 0.5 * (lengths * (torch.tensor(REWARDS) - 0.5) ** 2).sum() / lengths.sum()
    assert stats.value_loss == pytest.approx(expected.item(), abs=1e-4)
    assert stats.explained_variance == pytest.approx(0.0, abs=1e-5)
    assert 0.0 < stats.entropy < math.log(26)
    assert stats.grad_norm > 0.0


def test_ref_kl_is_the_mean_log_ratio_of_the_sampled_tokens(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    ppo = PPO(policy, replace(ONE_STEP, learning_rate=1e-2), 0)
    ppo.update(decide(policy, REWARDS))
    decisions = decide(policy, REWARDS, seed=1)
    old, total, count = make_policy(), 0.0, 0  # the initial model once more
    for decision in decisions:
        trajectory = pack([decision], policy.player.pad_id)
        with torch.no_grad():
            ref = old.score(trajectory.ids, trajectory.attention_mask).logprobs
        total += sum(decision.completion.logprobs) - float(ref[trajectory.response_mask].sum())
        count += len(decision.completion.ids)
    stats = ppo.update(decisions)
    assert abs(stats.ref_kl) > 0.01
    assert stats.ref_kl == pytest.approx(total / count, abs=1e-4)


@pytest.mark.parametrize("vf_coef", [0.0, 0.5])
def test_of_invalid_decisions_nothing_is_learned(
    vf_coef: float, make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    before = weights(policy)
    ppo = PPO(policy, PPOConfig(kl_coef=1.0, vf_coef=vf_coef), 0)
    stats = ppo.update(decide(policy, REWARDS, valid=False))
    assert same(weights(policy), before)
    assert stats.grad_norm == 0.0
    assert all(math.isfinite(value) for value in vars(stats).values() if value is not None)
    ppo.update(decide(policy, REWARDS))
    assert not same(weights(policy), before)


def test_invalid_decisions_do_not_change_the_gradient_of_others(
    make_policy: MakePolicy, decide: Decide
) -> None:
    alone, mixed = make_policy(), make_policy()
    valid = decide(alone, REWARDS)
    invalid = decide(alone, [1e3] * 9, seed=5, max_tokens=20, valid=False, first_game=100)
    config = replace(ONE_STEP, vf_coef=0.5)
    stats = PPO(alone, config, 0).update(valid), PPO(mixed, config, 0).update(invalid + valid)
    torch.testing.assert_close(gradients(mixed), gradients(alone), atol=1e-5, rtol=1e-4)
    assert vars(stats[0]) == pytest.approx(vars(stats[1]), abs=1e-4)


def test_advantages_are_clipped_after_whitening(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    # One token each; the critic says the mean, 1. Deviations -1, -1, -1, -1, 4 are whitened by 2.
    decisions = decide(policy, [0.0, 0.0, 0.0, 0.0, 5.0], max_tokens=1)

    def targets(bound: float) -> tuple[list[float], list[float]]:
        ppo = PPO(policy, replace(ONE_STEP, kl_coef=0.0, advantage_clip=bound), 0)
        trajectory = ppo._prepare(decisions)
        mask = trajectory.response_mask
        advantages, returns = ppo._targets(trajectory)
        return advantages[mask].tolist(), returns[mask].tolist()

    returns = pytest.approx([0.0] * 4 + [5.0], abs=1e-5)
    assert targets(0.0) == (pytest.approx([-0.5] * 4 + [2.0], abs=1e-5), returns)
    assert targets(1.5) == (pytest.approx([-0.5] * 4 + [1.5], abs=1e-5), returns)
    assert targets(0.25) == (pytest.approx([-0.25] * 4 + [0.25], abs=1e-5), returns)


def reference_kl(policy: LanguagePolicy, decisions: list[Decision]) -> float:
    """Mean KL(policy, reference) over the whole vocabulary at the tokens of some decisions."""
    trajectory = pack(decisions, policy.player.pad_id)
    inputs: dict[str, Any] = {
        "input_ids": trajectory.ids,
        "attention_mask": trajectory.attention_mask,
    }
    with torch.no_grad():
        own = policy.player.model(**inputs).logits.log_softmax(-1)
        ref = policy.reference(**inputs).logits.log_softmax(-1)
    kl = (own.exp() * (own - ref)).sum(-1)
    return float(kl[:, :-1][trajectory.response_mask[:, 1:]].mean())


@pytest.mark.parametrize(("kl_coef", "least", "most"), [(0.0, 0.9, 1.1), (1.0, 0.0, 0.5)])
def test_the_price_of_kl_pulls_to_the_reference(
    kl_coef: float, least: float, most: float, make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    probe = decide(policy, [0.0] * 30, seed=99)
    before = reference_kl(policy, probe)
    config = replace(
        ONE_STEP, kl_coef=kl_coef, vf_coef=0.0, learning_rate=3e-3, whiten_advantages=False
    )
    ppo = PPO(policy, config, 0)
    for seed in range(25):
        ppo.update(decide(policy, [0.0] * 60, seed=seed))
    assert least <= reference_kl(policy, probe) / before <= most


def test_the_entropy_bonus_raises_entropy(make_policy: MakePolicy, decide: Decide) -> None:
    def entropy_after(ent_coef: float) -> float:
        policy = make_policy()
        ppo = PPO(policy, replace(ONE_STEP, ent_coef=ent_coef, kl_coef=0.0, vf_coef=0.0), 0)
        return [ppo.update(decide(policy, [0.0] * 30, seed=i)).entropy for i in range(5)][-1]

    assert entropy_after(0.1) > entropy_after(0.0) + 0.02


def test_the_critic_learns_to_foresee_rewards(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    # Chats come in threes; what they pay depends on the chat alone.
    rewards = [2.0, 0.0, -1.0] * 16
    config = replace(
        ONE_STEP, learning_rate=1e-9, critic_learning_rate=0.05, vf_coef=1.0, value_clip_coef=10.0
    )
    ppo = PPO(policy, config, 0)
    decisions = decide(policy, rewards, max_tokens=1)
    stats = [ppo.update(decisions) for _ in range(60)]
    assert stats[0].explained_variance == pytest.approx(0.0, abs=1e-5)
    first, last = stats[0], stats[-1]
    assert last.explained_variance is not None
    assert last.explained_variance > 0.9
    assert first.value_loss is not None
    assert last.value_loss is not None
    assert last.value_loss < 0.1 * first.value_loss


def test_the_critic_starts_from_the_mean_of_what_is_learned_from(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    config = replace(ONE_STEP, critic_learning_rate=1e-9)
    decisions = decide(policy, REWARDS) + decide(policy, [100.0] * 4, valid=False, first_game=50)
    PPO(policy, config, 0).update(decisions)
    assert policy.value_head.bias.item() == pytest.approx(0.5, abs=1e-4)
    # One that has been trained, in an earlier run say, keeps what it knows.
    with torch.no_grad():
        policy.value_head.weight.fill_(0.1)
        policy.value_head.bias.fill_(3.0)
    PPO(policy, config, 0).update(decisions)
    assert policy.value_head.bias.item() == pytest.approx(3.0, abs=1e-4)


@pytest.mark.parametrize(("warmup", "shares"), [(0, [1, 1]), (2, [1 / 3, 2 / 3, 1, 1, 1])])
def test_warm_up(warmup: int, shares: list[float], make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    config = PPOConfig(learning_rate=6e-3, critic_learning_rate=0.3, warmup_updates=warmup)
    ppo = PPO(policy, config, 0)
    decisions = decide(policy, REWARDS)
    for share in shares:
        assert ppo.update(decisions).learning_rate == pytest.approx(6e-3 * share)
        groups = ppo.state_dict()["optimizer"]["param_groups"]
        assert [group["lr"] for group in groups] == pytest.approx([6e-3 * share, 0.3 * share])


def test_gradients_are_clipped(make_policy: MakePolicy, decide: Decide) -> None:
    free, clipped = make_policy(), make_policy()
    decisions = decide(free, REWARDS)
    norm = PPO(free, replace(ONE_STEP, max_grad_norm=1e6), 0).update(decisions).grad_norm
    assert gradients(free).norm().item() == pytest.approx(norm, rel=1e-4)
    stats = PPO(clipped, replace(ONE_STEP, max_grad_norm=norm / 10), 0).update(decisions)
    assert stats.grad_norm == pytest.approx(norm, rel=1e-4)  # before clipping
    assert gradients(clipped).norm().item() == pytest.approx(norm / 10, rel=1e-4)
    torch.testing.assert_close(gradients(clipped) * 10, gradients(free), atol=1e-4, rtol=1e-3)


def test_minibatches_cut_every_pass(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    seen: list[int] = []
    score = policy.score

    def counting(ids: torch.Tensor, *rest: Any) -> Any:
        seen.append(len(ids))
        return score(ids, *rest)

    policy.score = counting  # type: ignore[method-assign]
    ppo = PPO(policy, PPOConfig(update_epochs=3, num_minibatches=4), 0)
    ppo.update(decide(policy, REWARDS))
    assert seen == [3] * 12  # three passes in four parts
    seen.clear()
    ppo.update(decide(policy, [1.0, 0.0]))  # fewer rows than minibatches
    assert seen == [1] * 6


def test_a_state_taken_up_gives_the_same_next_update(
    make_policy: MakePolicy, decide: Decide
) -> None:
    def after_two() -> tuple[LanguagePolicy, PPO, list[UpdateStats]]:
        policy = make_policy()
        ppo = PPO(policy, PPOConfig(num_minibatches=3), seed=4)
        return policy, ppo, [ppo.update(decide(policy, REWARDS, seed=i)) for i in range(2)]

    policy, ppo, _ = after_two()
    state, old = copy.deepcopy(ppo.state_dict()), weights(policy)
    third = decide(policy, REWARDS, seed=2)
    stats = ppo.update(third)

    other = make_policy()
    other.load_state_dict(old)
    resumed = PPO(other, PPOConfig(num_minibatches=3), seed=11)
    resumed.load_state_dict(state)
    assert resumed.update(third) == stats
    assert same(weights(other), weights(policy))

    other.load_state_dict(old)
    fresh = PPO(other, PPOConfig(num_minibatches=3), seed=4)
    assert fresh.update(third) != stats  # the state is needed


def test_the_order_of_minibatches_is_the_seeds(make_policy: MakePolicy, decide: Decide) -> None:
    def after(seed: int) -> dict[str, torch.Tensor]:
        policy = make_policy()
        PPO(policy, PPOConfig(), seed).update(decide(policy, REWARDS))
        return weights(policy)

    assert same(after(0), after(0))
    assert not same(after(0), after(1))


def test_no_global_generator_is_touched(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    ppo = PPO(policy, PPOConfig(), 0)
    before = torch.get_rng_state()
    ppo.update(decide(policy, REWARDS))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", -1e-3),
        ("learning_rate", math.nan),
        ("critic_learning_rate", 0.0),
        ("critic_learning_rate", math.inf),
        ("clip_coef", 0.0),
        ("value_clip_coef", -0.2),
        ("max_grad_norm", 0.0),
        ("warmup_updates", -1),
        ("kl_coef", -0.1),
        ("kl_coef", math.nan),
        ("vf_coef", -0.1),
        ("advantage_clip", -0.1),
        ("advantage_clip", math.inf),
        ("ent_coef", math.inf),
        ("gamma", 1.01),
        ("gamma", math.nan),
        ("gae_lambda", -0.1),
        ("update_epochs", 0),
        ("update_epochs", 1.5),
        ("num_minibatches", 0),
        ("num_minibatches", 2.5),
    ],
)
def test_impossible_knobs_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}={value!r} must be"):
        PPOConfig(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "knobs",
    [
        {"kl_coef": 0.0, "vf_coef": 0.0, "ent_coef": 0.0, "warmup_updates": 0},
        {"gamma": 0.0, "gae_lambda": 0.0},
        {"gamma": 1.0, "gae_lambda": 1.0},
        {"update_epochs": 1, "num_minibatches": 1},
    ],
)
def test_knobs_at_their_bounds_are_taken(knobs: dict[str, Any]) -> None:
    assert vars(PPOConfig(**knobs)).items() >= knobs.items()


def test_a_gradient_that_is_not_finite_changes_nothing(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    ppo = PPO(policy, replace(ONE_STEP, whiten_advantages=False, max_skipped=1), 0)
    before = [parameter.detach().clone() for parameter in policy.model.parameters()]
    with pytest.raises(TrainingError, match="the gradient is"):
        ppo.update(decide(policy, [float("inf"), 0.0]))
    for parameter, old in zip(policy.model.parameters(), before, strict=True):
        torch.testing.assert_close(parameter, old, atol=0.0, rtol=0.0)

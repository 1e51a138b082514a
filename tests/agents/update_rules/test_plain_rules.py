"""Every rule held to plain Python, on random games of several turns.

Advantages, returns and losses in float64, and the statistics of a whole update, whose models and
tensors are of float32: all to 1e-6.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import plain_rules
from llm_game_agents.policy import LanguagePolicy, TokenScores
from llm_game_agents.trajectory import Decision, Trajectory, pack
from llm_game_agents.update_rules import (
    PPO,
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_agents.update_rules.advantages import fold_unlearnt
from llm_game_agents.update_rules.protocol import Loss
from llm_game_env.players.causal_lm import Completion
from plain_rules import Message, Rows

MakePolicy = Callable[..., LanguagePolicy]
Decide = Callable[..., list[Decision]]
SEEDS = range(25)
ONE_STEP: dict[str, Any] = {"update_epochs": 1, "num_minibatches": 1}
RULES: list[UpdateRule] = [
    PPOConfig(kl_coef=0.3, gamma=0.9, gae_lambda=0.8, **ONE_STEP),
    PPOConfig(kl_coef=0.0, value_clip_coef=0.5, clip_coef=0.1, advantage_clip=0.8, **ONE_STEP),
    GRPOConfig(kl_coef=0.4, gamma=0.8, **ONE_STEP),
    GRPOConfig(kl_coef=0.1, min_advantage_std=0.7, token_weights="token", **ONE_STEP),
    RLOOConfig(kl_coef=0.2, gamma=0.7, **ONE_STEP),
    ReinforceConfig(kl_coef=0.3, gamma=0.9, **ONE_STEP),
]
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)


def random_messages(seed: int) -> list[Message]:
    """Games of one to three turns in groups of three, a third of the turns not learnt from."""
    rng = np.random.default_rng(seed)
    messages = []
    for game in range(9):
        for turn in range(rng.integers(1, 4)):
            length = int(rng.integers(1, 6))
            sampled = -rng.exponential(1.5, length)
            foreseen = rng.normal(size=length)
            messages.append(
                Message(
                    game=game,
                    turn=turn,
                    group=game // 3,
                    reward=rng.normal(),
                    learnt_from=bool(rng.random() < 2 / 3),
                    sampled=sampled.tolist(),
                    reference=(sampled + rng.normal(0, 0.5, length)).tolist(),
                    now=(sampled + rng.normal(0, 0.3, length)).tolist(),
                    foreseen=foreseen.tolist(),
                    values=(foreseen + rng.normal(0, 0.5, length)).tolist(),
                )
            )
    rng.shuffle(messages)
    return messages


def as_trajectory(messages: Sequence[Message]) -> tuple[Trajectory, TokenScores]:
    """Of float64, what is not learnt from folded in; and what the policy at hand says of it."""
    decisions = [
        Decision(
            Completion("", [1] * (2 + i % 3), [2] * m.length, list(m.sampled), "eos"),
            m.game,
            m.turn,
            m.reward,
            m.learnt_from,
            m.group,
        )
        for i, m in enumerate(messages)
    ]
    trajectory = pack(decisions, pad_id=0)

    def spread(rows: Sequence[Sequence[float]]) -> torch.Tensor:
        tensor = torch.zeros(trajectory.ids.shape, dtype=torch.float64)
        for i, row in enumerate(rows):
            start = len(decisions[i].completion.prompt_ids)
            tensor[i, start : start + len(row)] = torch.tensor(row, dtype=torch.float64)
        return tensor

    learnt_from = trajectory.response_mask.any(-1)
    rewards = torch.tensor([m.reward for m in messages], dtype=torch.float64)
    rewards, next_row = fold_unlearnt(rewards, learnt_from, trajectory.next_row, trajectory.turn)
    trajectory = replace(
        trajectory,
        logprobs=spread([m.sampled for m in messages]),
        ref_logprobs=spread([m.reference for m in messages]),
        values=spread([m.foreseen for m in messages]),
        rewards=rewards,
        next_row=next_row,
    )
    now = spread([m.now for m in messages])
    return trajectory, TokenScores(now, now, spread([m.values for m in messages]))


def plain_targets(rule: UpdateRule, messages: Sequence[Message]) -> tuple[Rows, Rows]:
    """Advantages and returns; of rules without a critic no returns."""
    if isinstance(rule, PPOConfig):
        knobs = rule.kl_coef, rule.gamma, rule.gae_lambda
        advantages, returns = plain_rules.gae(messages, *knobs)
        white = plain_rules.whitened(messages, advantages, rule.min_advantage_std)
        bound = rule.advantage_clip or math.inf
        return [[min(max(x, -bound), bound) for x in row] for row in white], returns
    if isinstance(rule, GRPOConfig):
        return plain_rules.grpo(messages, rule.gamma, rule.min_advantage_std), []
    if isinstance(rule, RLOOConfig):
        return plain_rules.rloo(messages, rule.kl_coef, rule.gamma), []
    assert isinstance(rule, ReinforceConfig)
    sums = plain_rules.what_follows(messages, rule.kl_coef, rule.gamma)
    return plain_rules.whitened(messages, sums, rule.min_advantage_std), []


def plain_losses(rule: UpdateRule, messages: Sequence[Message]) -> tuple[float, float]:
    """The policy's and the critic's."""
    advantages, returns = plain_targets(rule, messages)
    losses = plain_rules.surrogates(messages, advantages, rule.clip_coef)
    if isinstance(rule, PPOConfig):
        errors = plain_rules.value_errors(messages, returns, rule.value_clip_coef)
        return (
            plain_rules.token_mean(messages, losses),
            plain_rules.token_mean(messages, errors),
        )
    mean = plain_rules.token_mean
    if isinstance(rule, GRPOConfig):
        for message, row in zip(messages, losses, strict=True):
            for t, kl in enumerate(plain_rules.k3(message.now, message.reference)):
                row[t] += rule.kl_coef * kl
        if rule.token_weights == "sequence":
            mean = plain_rules.answer_mean
    return mean(messages, losses), 0.0


def learnt(rows: torch.Tensor, trajectory: Trajectory) -> list[float]:
    """The numbers of the tokens learnt from."""
    return rows[trajectory.response_mask].tolist()


def plainly_learnt(rows: Rows, messages: Sequence[Message]) -> list[float]:
    return [x for row, m in zip(rows, messages, strict=True) for x in row if m.learnt_from]


@each_rule
def test_targets_and_losses_in_float64(
    rule: UpdateRule, make_policy: MakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PPO, "_ask_critic", lambda *_: None)  # Its values are given.
    learner: Any = rule.make_learner(make_policy(), 0)
    for seed in SEEDS:
        messages = random_messages(seed)
        trajectory, scores = as_trajectory(messages)
        targets = learner._targets(trajectory)
        advantages, returns = plain_targets(rule, messages)
        close = pytest.approx(plainly_learnt(advantages, messages), abs=1e-6, rel=1e-6)
        assert learnt(targets.advantages, trajectory) == close
        assert targets.advantages[~trajectory.response_mask].eq(0).all()
        if returns:
            close = pytest.approx(plainly_learnt(returns, messages), abs=1e-6, rel=1e-6)
            assert learnt(targets.returns, trajectory) == close

        loss: Loss = learner._loss(scores, trajectory, targets)
        weights, divisor = learner._weights(trajectory)
        policy_loss = float((loss.policy * weights).sum() / divisor)
        value_loss = float(0.5 * (loss.value * weights).sum() / divisor)
        close = pytest.approx(plain_losses(rule, messages), abs=1e-6, rel=1e-6)
        assert (policy_loss, value_loss) == close


def moved(module: nn.Module, seed: int) -> None:
    """Adds noise to the weights, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


def read(policy: LanguagePolicy, decision: Decision) -> tuple[list[float], ...]:
    """Log-probabilities now and under the reference, and values of a message, in float64."""
    ids, start = decision.completion.ids, len(decision.completion.prompt_ids)
    row = torch.tensor([decision.completion.prompt_ids + ids])
    logprobs = []
    states = torch.zeros(())
    for model in (policy.reference, policy.model):
        with torch.no_grad():
            output = copy.deepcopy(model).double()(input_ids=row, output_hidden_states=True)
        states = output.hidden_states[-1][0, start - 1 : -1]
        logprobs.append(output.logits[0, start - 1 : -1].log_softmax(-1)[range(len(ids)), ids])
    values = copy.deepcopy(policy.value_head).double()(states)[:, 0]
    reference, now = (row.tolist() for row in logprobs)
    return now, reference, values.tolist()


@each_rule
def test_a_whole_update(rule: UpdateRule, make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    rewards = np.random.default_rng(0).normal(size=18).tolist()
    sampled = decide(policy, rewards)
    decisions = [
        # Games of three turns in groups of three, of which every fifth is not learnt from.
        replace(d, game=i // 3, turn=i % 3, group=i // 9, valid=i % 5 != 1)
        for i, d in enumerate(sampled)
    ]
    truncated = [d.completion.stop != "eos" for d in decisions]
    assert 0 < sum(truncated) < len(decisions)
    for seed, module in enumerate((policy.model, policy.reference, policy.value_head)):
        moved(module, seed)
    messages = []
    for decision, is_truncated in zip(decisions, truncated, strict=True):
        now, reference, values = read(policy, decision)
        messages.append(
            Message(
                game=decision.game,
                turn=decision.turn,
                group=decision.group,
                reward=decision.reward - 0.25 * (is_truncated and decision.valid),
                learnt_from=decision.valid,
                sampled=decision.completion.logprobs,
                reference=reference,
                now=now,
                foreseen=values,
                values=values,
            )
        )
    policy_loss, value_loss = plain_losses(rule, messages)
    kl = [plain_rules.k3(m.sampled, m.now) for m in messages]
    log_ratios = [[a - b for a, b in zip(m.sampled, m.reference, strict=True)] for m in messages]

    learner = replace(rule, truncation_penalty=0.25).make_learner(policy, 0)
    stats = learner.update(decisions)
    assert stats.policy_loss == pytest.approx(policy_loss, abs=1e-6)
    assert (stats.value_loss or 0.0) == pytest.approx(value_loss, abs=1e-6)
    assert stats.approx_kl == pytest.approx(plain_rules.token_mean(messages, kl), abs=1e-6)
    assert stats.ref_kl == pytest.approx(plain_rules.token_mean(messages, log_ratios), abs=1e-6)
    assert stats.approx_kl > 0.001

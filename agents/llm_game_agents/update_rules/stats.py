"""What an update did, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class UpdateStats:
    """What one update did; means over its minibatches unless said otherwise.

    Attributes:
        policy_loss: with the price of KL where the rule takes it in the loss.
        entropy: in nats a token.
        approx_kl: k3 estimate of the KL from the policy that sampled, in nats a token.
        clipfrac: share of tokens outside the clip range.
        ref_kl: mean log π - log π_ref a sampled token, before the update.
        kl_coef: price of it in this update.
        grad_norm: before clipping.
        learning_rate: of the policy in this update; 0 where the critic alone learnt.
        reward: mean of the game's rewards to the decisions learnt from, as the game gave them.
        shaped_reward: the same after `RewardShaper`, without the price of KL.
        response_length: mean tokens of a decision learnt from.
        truncated: share of those that did not end by themselves.
        first_ratio_error: largest |ρ - 1| in the first minibatch: 0 but for rounding.
        minibatches: steps made.
        skipped: minibatches whose loss or gradient was not finite.
        value_loss: of the critic; None for rules without one.
        explained_variance: of the critic, before the update; None for rules without one.
        text_loss: -log π a token of the texts that are to stay likely; None without such.
    """

    policy_loss: float
    entropy: float
    approx_kl: float
    clipfrac: float
    ref_kl: float
    kl_coef: float
    grad_norm: float
    learning_rate: float
    reward: float
    shaped_reward: float
    response_length: float
    truncated: float
    first_ratio_error: float
    minibatches: int
    skipped: int
    value_loss: float | None = None
    explained_variance: float | None = None
    text_loss: float | None = None


@dataclass(frozen=True)
class MinibatchStats:
    """The same of one minibatch; `approx_kl` and `clipfrac` before its step."""

    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clipfrac: float
    ratio_error: float
    grad_norm: float
    text_loss: float


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return float(np.mean(values)) if len(values) else 0.0

"""PPO's losses: pure tensor functions."""

import torch

from llm_game_agents.advantages import masked_mean


def policy_loss(
    logprobs: torch.Tensor,
    old_logprobs: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    clip_coef: float,
) -> torch.Tensor:
    """-E[min(ρA, clip(ρ, 1 - ε, 1 + ε)A)] (Schulman et al. 2017, eq. 7), a scalar.

    All tensors are [B, T]; the mean is over the masked tokens.
    """
    ratio = torch.exp((logprobs - old_logprobs) * mask)
    clipped = ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef)
    return -masked_mean(torch.minimum(ratio * advantages, clipped * advantages), mask)


def value_loss(
    values: torch.Tensor,
    old_values: torch.Tensor,
    returns: torch.Tensor,
    mask: torch.Tensor,
    clip_coef: float,
) -> torch.Tensor:
    """½ E[max((V - R)², (V_clipped - R)²)], V_clipped within ε of the old value; a scalar.

    The clipping of OpenAI's PPO implementation; all tensors are [B, T].
    """
    clipped = old_values + (values - old_values).clamp(-clip_coef, clip_coef)
    worse = torch.maximum((values - returns) ** 2, (clipped - returns) ** 2)
    return 0.5 * masked_mean(worse, mask)


def approximate_kl(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """E[(ρ - 1) - log ρ], the k3 estimator of KL(old, new) (Schulman 2020); a scalar, ≥ 0."""
    log_ratio = (logprobs - old_logprobs) * mask
    return masked_mean(torch.expm1(log_ratio) - log_ratio, mask)


def clip_fraction(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, mask: torch.Tensor, clip_coef: float
) -> torch.Tensor:
    """Share of tokens whose ratio left [1 - ε, 1 + ε]; a scalar in [0, 1]."""
    ratio = torch.exp((logprobs - old_logprobs) * mask)
    return masked_mean(((ratio - 1.0).abs() > clip_coef).float(), mask)


def explained_variance(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """1 - Var[R - V] / Var[R] over the masked tokens; at most 1, 0 where R does not vary."""
    actual, error = returns[mask], (returns - values)[mask]
    variance = actual.var(correction=0) if len(actual) else torch.tensor(0.0)
    if variance <= 0:
        return 0.0
    return float(1.0 - error.var(correction=0) / variance)

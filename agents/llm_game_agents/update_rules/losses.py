"""Losses by token: pure tensor functions. All tensors are float [B, T], masks bool [B, T]."""

import torch


def clipped_surrogate(
    logprobs: torch.Tensor,
    old_logprobs: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    clip_coef: float,
) -> torch.Tensor:
    """-min(ρA, clip(ρ, 1 - ε, 1 + ε)A) of each token (Schulman et al. 2017, eq. 7)."""
    ratio = torch.exp((logprobs - old_logprobs) * mask)
    clipped = ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef)
    return -torch.minimum(ratio * advantages, clipped * advantages)


def clipped_value_error(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, clip_coef: float
) -> torch.Tensor:
    """max((V - R)², (V_clipped - R)²) of each token, V_clipped within ε of the old value.

    The clipping of OpenAI's PPO implementation; the value loss is half its mean, as there.
    """
    clipped = old_values + (values - old_values).clamp(-clip_coef, clip_coef)
    return torch.maximum((values - returns) ** 2, (clipped - returns) ** 2)


def k3(logprobs: torch.Tensor, other_logprobs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(r - 1) - log r of each token, r = π_other / π: the k3 estimator (Schulman 2020); ≥ 0.

    Its mean over tokens drawn from π is KL(π, π_other), an unbiased estimate of low variance.
    """
    log_ratio = (other_logprobs - logprobs) * mask
    return torch.expm1(log_ratio) - log_ratio


def left_clip_range(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, mask: torch.Tensor, clip_coef: float
) -> torch.Tensor:
    """Whether a token's ratio left [1 - ε, 1 + ε]; bool [B, T]."""
    return (torch.exp((logprobs - old_logprobs) * mask) - 1.0).abs() > clip_coef


def explained_variance(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """1 - Var[R - V] / Var[R] over the masked tokens; at most 1, 0 where R does not vary."""
    actual, error = returns[mask], (returns - values)[mask]
    variance = actual.var(correction=0) if len(actual) else torch.tensor(0.0)
    if variance <= 0:
        return 0.0
    return float(1.0 - error.var(correction=0) / variance)

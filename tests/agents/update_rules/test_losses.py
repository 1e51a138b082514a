"""PPO's losses, worked by hand, with clip range 0.2."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy as relative_entropy
from sklearn.metrics import explained_variance_score

from llm_game_agents.update_rules.advantages import masked_mean
from llm_game_agents.update_rules.losses import (
    clipped_surrogate,
    clipped_value_error,
    explained_variance,
    k3,
    left_clip_range,
)


def row(*numbers: float) -> torch.Tensor:
    return torch.tensor([numbers])


ALL = torch.tensor([[True]])


def policy_loss(
    new: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    return masked_mean(clipped_surrogate(new, old, advantages, mask, 0.2), mask)


def value_loss(
    new: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    return 0.5 * masked_mean(clipped_value_error(new, old, returns, 0.2), mask)


def approximate_kl(new: torch.Tensor, old: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return masked_mean(k3(old, new, mask), mask)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "learns"),
    [
        (1.0, 3.0, -3.0, True),
        (1.1, 1.0, -1.1, True),
        (1.5, 2.0, -2.4, False),  # better than it was by more than the range: 1.2 · 2
        (0.5, 1.0, -0.5, True),  # worse than it was: to be corrected however far
        (1.0, -3.0, 3.0, True),
        (0.9, -1.0, 0.9, True),
        (0.5, -2.0, 1.6, False),  # 0.8 · 2
        (1.5, -1.0, 1.5, True),
    ],
)
def test_policy_loss(ratio: float, advantage: float, loss: float, learns: bool) -> None:
    logprobs = row(math.log(ratio) - 2.0).requires_grad_()
    result = policy_loss(logprobs, row(-2.0), row(advantage), ALL)
    assert result.item() == pytest.approx(loss, abs=1e-6)
    result.backward()
    assert logprobs.grad is not None
    # d(-ρA) / d log π = -ρA inside, 0 where the clipped branch is taken.
    assert logprobs.grad.item() == pytest.approx(-ratio * advantage if learns else 0.0, abs=1e-6)


def test_policy_loss_is_a_mean_over_the_masked_tokens() -> None:
    # (-1.1 + 1.6) / 2; the third token would be worth e^50.
    loss = policy_loss(
        row(math.log(1.1), math.log(0.5), 50.0),
        row(0.0, 0.0, 0.0),
        row(1.0, -2.0, -9.0),
        torch.tensor([[True, True, False]]),
    )
    assert loss.item() == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "old", "target", "loss"),
    [
        (0.1, 0.0, 1.0, 0.405),  # within the range: ½ · 0.9²
        (1.0, 0.0, 2.0, 1.62),  # moved too far towards the target: ½ · (0.2 - 2)²
        (-1.0, 0.0, -2.0, 1.62),
        (1.0, 0.0, 0.5, 0.125),  # past the target: ½ · max(0.5², 0.3²)
        (-1.0, 0.0, 1.0, 2.0),  # away from it: ½ · max(2², 1.2²)
        (3.5, 3.0, 3.1, 0.08),  # ½ · max(0.4², 0.1²)
    ],
)
def test_value_loss(value: float, old: float, target: float, loss: float) -> None:
    result = value_loss(row(value), row(old), row(target), ALL)
    assert result.item() == pytest.approx(loss, abs=1e-6)


def test_value_loss_is_a_mean_over_the_masked_tokens() -> None:
    loss = value_loss(
        row(0.1, 1.0, 70.0),
        row(0.0, 0.0, 0.0),
        row(1.0, 2.0, -9.0),
        torch.tensor([[True, True, False]]),
    )
    assert loss.item() == pytest.approx((0.405 + 1.62) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("ratio", "kl"),
    [(1.0, 0.0), (2.0, 1.0 - math.log(2)), (0.5, math.log(2) - 0.5)],
)
def test_approximate_kl(ratio: float, kl: float) -> None:
    result = approximate_kl(row(math.log(ratio), 9.0), row(0.0, 0.0), torch.tensor([[True, False]]))
    assert result.item() == pytest.approx(kl, abs=1e-6)


def test_approximate_kl_is_the_kl_on_a_sample_in_exact_proportion() -> None:
    old, new = np.array([0.5, 0.25, 0.25]), np.array([0.2, 0.7, 0.1])
    tokens = [0, 0, 1, 2]
    result = approximate_kl(
        torch.tensor(np.log(new[tokens])), torch.tensor(np.log(old[tokens])), torch.ones(4).bool()
    )
    assert result.item() == pytest.approx(relative_entropy(old, new), abs=1e-9)


def test_approximate_kl_is_never_negative() -> None:
    generator = torch.Generator().manual_seed(0)
    for scale in (1e-6, 1e-3, 1.0, 10.0):
        for difference in scale * torch.randn(200, generator=generator):
            assert approximate_kl(difference[None], torch.zeros(1), torch.ones(1).bool()) >= 0


def test_which_tokens_left_the_clip_range() -> None:
    # Two of four tokens are outside [0.8, 1.2]; the fifth does not count.
    logprobs = torch.log(row(1.1, 1.3, 0.7, 1.0, 9.0))
    mask = torch.tensor([[True, True, True, True, False]])
    outside = left_clip_range(logprobs, torch.zeros(1, 5), mask, 0.2)
    assert outside.tolist() == [[False, True, True, False, False]]


@pytest.mark.parametrize("noise", [0.0, 0.3, 3.0])
def test_explained_variance_of_scikit_learn(noise: float) -> None:
    rng = np.random.default_rng(0)
    returns = rng.normal(2.0, 1.5, size=(8, 9))
    values = returns + 4.0 + noise * rng.normal(size=(8, 9))
    mask = rng.random((8, 9)) < 0.7
    result = explained_variance(
        torch.from_numpy(values), torch.from_numpy(returns), torch.from_numpy(mask)
    )
    expected = explained_variance_score(returns[mask], values[mask])
    assert result == pytest.approx(expected, abs=1e-6)


def test_explained_variance_where_nothing_varies() -> None:
    assert explained_variance(row(1.0, 5.0), row(2.0, 2.0), torch.ones(1, 2).bool()) == 0.0
    assert explained_variance(row(1.0, 5.0), row(2.0, 3.0), torch.zeros(1, 2).bool()) == 0.0

"""Rewards by token, GAE and whitening, worked by hand and by stable-baselines3."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from llm_game_agents.update_rules.advantages import gae, masked_mean, token_rewards, whiten


def close(actual: torch.Tensor, expected: object) -> None:
    torch.testing.assert_close(
        actual, torch.as_tensor(expected, dtype=actual.dtype), atol=1e-6, rtol=1e-6
    )


def sb3_gae(
    rewards: np.ndarray, values: np.ndarray, gamma: float, gae_lambda: float
) -> tuple[np.ndarray, np.ndarray]:
    """Advantages and returns of one finished episode, in float64."""
    space = spaces.Discrete(2)
    buffer = RolloutBuffer(len(rewards), space, space, gae_lambda=gae_lambda, gamma=gamma)
    # Its own arrays are of float32.
    buffer.rewards, buffer.values = rewards[:, None], values[:, None]
    buffer.advantages = np.zeros_like(buffer.values)
    buffer.compute_returns_and_advantage(torch.zeros(1), np.ones(1))
    return buffer.advantages[:, 0], buffer.returns[:, 0]


def test_token_rewards_by_hand() -> None:
    # Log-ratios of row 0's response: -1 - -2 = 1, -3 - -2.5 = -0.5; kl_coef 0.1.
    # Row 1 has one response token with log-ratio 2; row 2 none.
    result = token_rewards(
        rewards=torch.tensor([3.0, -1.0, 7.0]),
        logprobs=torch.tensor([[9.0, -1.0, -3.0, 5.0], [0, 0, 0, -1.0], [0, 1.0, 0, 0]]),
        ref_logprobs=torch.tensor([[0.0, -2.0, -2.5, 1.0], [0, 0, 0, -3.0], [0, 0, 0, 0]]),
        response_mask=torch.tensor([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]).bool(),
        kl_coef=0.1,
    )
    close(result, [[0, -0.1, 0.05 + 3.0, 0], [0, 0, 0, -0.2 - 1.0], [0, 0, 0, 0]])


def test_without_kl_coef_there_is_the_reward_alone() -> None:
    mask = torch.tensor([[False, True, True]])
    result = token_rewards(torch.tensor([2.0]), torch.randn(1, 3), torch.randn(1, 3), mask, 0.0)
    close(result, [[0, 0, 2.0]])


def test_gae_by_hand() -> None:
    # γ = 0.9, γλ = 0.45, over the response columns 1 to 3; the last column is padding.
    # δ₃ = 2 - 0.2 = 1.8                 A₃ = 1.8
    # δ₂ = 0 + 0.9·0.2 - 0.4 = -0.22     A₂ = -0.22 + 0.45·1.8 = 0.59
    # δ₁ = 1 + 0.9·0.4 - 0.5 = 0.86      A₁ = 0.86 + 0.45·0.59 = 1.1255
    advantages, returns = gae(
        torch.tensor([[50.0, 1.0, 0.0, 2.0, 50.0]]),
        torch.tensor([[60.0, 0.5, 0.4, 0.2, 60.0]]),
        torch.tensor([[0, 1, 1, 1, 0]]).bool(),
        torch.tensor([-1]),
        torch.tensor([0]),
        gamma=0.9,
        gae_lambda=0.5,
    )
    close(advantages, [[0, 1.1255, 0.59, 1.8, 0]])
    close(returns, [[0, 1.6255, 0.99, 2.0, 0]])


def test_gae_goes_on_with_the_next_turn_by_hand() -> None:
    # Row 0 is turn 1 of the game whose turn 0 is row 1; row 2 is a game of its own.
    # Turn 1: δ = 3 - 1 = 2                        A = 2
    # Turn 0: δ_b = 0.2 + 0.9·1 - 0.3 = 0.8        A_b = 0.8 + 0.45·2 = 1.7
    #         δ_a = 0.1 + 0.9·0.3 - 0.5 = -0.13    A_a = -0.13 + 0.45·1.7 = 0.635
    # Alone:  δ = 4 - 0.5 = 3.5                    A = 3.5
    advantages, returns = gae(
        torch.tensor([[0, 0, 3.0], [0.1, 0.2, 0], [0, 4.0, 0]]),
        torch.tensor([[0, 0, 1.0], [0.5, 0.3, 0], [0, 0.5, 0]]),
        torch.tensor([[0, 0, 1], [1, 1, 0], [0, 1, 0]]).bool(),
        torch.tensor([-1, 0, -1]),
        torch.tensor([1, 0, 0]),
        gamma=0.9,
        gae_lambda=0.5,
    )
    close(advantages, [[0, 0, 2.0], [0.635, 1.7, 0], [0, 3.5, 0]])
    close(returns, [[0, 0, 3.0], [1.135, 2.0, 0], [0, 4.0, 0]])


def test_gae_passes_over_a_turn_that_is_not_learned_from() -> None:
    # As the game above, with an invalid turn between the two.
    advantages, _ = gae(
        torch.tensor([[0.1, 0.2], [8.0, 8.0], [3.0, 0]]),
        torch.tensor([[0.5, 0.3], [9.0, 9.0], [1.0, 0]]),
        torch.tensor([[1, 1], [0, 0], [1, 0]]).bool(),
        torch.tensor([1, 2, -1]),
        torch.tensor([0, 1, 2]),
        gamma=0.9,
        gae_lambda=0.5,
    )
    close(advantages, [[0.635, 1.7], [0, 0], [2.0, 0]])


@pytest.mark.parametrize(("gamma", "gae_lambda"), [(1.0, 0.95), (0.9, 0.5), (0.99, 1.0), (1, 0)])
def test_gae_of_stable_baselines3(gamma: float, gae_lambda: float) -> None:
    rng = np.random.default_rng(0)
    starts, ends = np.array([2, 1, 4, 3]), np.array([9, 2, 7, 9])
    columns = np.arange(9)
    mask = (columns >= starts[:, None]) & (columns < ends[:, None])
    rewards, values = rng.normal(size=(2, 4, 9))
    advantages, returns = gae(
        torch.from_numpy(rewards),
        torch.from_numpy(values),
        torch.from_numpy(mask),
        torch.full((4,), -1),
        torch.zeros(4, dtype=torch.long),
        gamma=gamma,
        gae_lambda=gae_lambda,
    )
    for row in range(4):
        own = mask[row]
        expected = sb3_gae(rewards[row, own], values[row, own], gamma, gae_lambda)
        np.testing.assert_allclose(advantages[row, own], expected[0], atol=1e-6)
        np.testing.assert_allclose(returns[row, own], expected[1], atol=1e-6)
    assert advantages[~torch.from_numpy(mask)].eq(0).all()
    assert returns[~torch.from_numpy(mask)].eq(0).all()


def test_gae_of_stable_baselines3_over_three_turns() -> None:
    # To a player, its messages of a game are one sequence of tokens.
    rng = np.random.default_rng(1)
    rewards, values = rng.normal(size=(2, 3, 4))
    mask = np.array([[0, 1, 1, 1], [1, 0, 0, 0], [0, 0, 1, 1]], dtype=bool)
    turns = [2, 0, 1]  # row 1, then row 2, then row 0
    advantages, _ = gae(
        torch.from_numpy(rewards),
        torch.from_numpy(values),
        torch.from_numpy(mask),
        torch.tensor([-1, 2, 0]),
        torch.tensor(turns),
        gamma=0.97,
        gae_lambda=0.8,
    )
    order = np.argsort(turns)
    line = [np.concatenate([x[row, mask[row]] for row in order]) for x in (rewards, values)]
    mine = np.concatenate([advantages.numpy()[row, mask[row]] for row in order])
    np.testing.assert_allclose(mine, sb3_gae(line[0], line[1], 0.97, 0.8)[0], atol=1e-6)


def test_whiten() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 5.0, size=(6, 7))
    mask = rng.random((6, 7)) < 0.6
    white = whiten(torch.from_numpy(x), torch.from_numpy(mask)).numpy()
    assert white[mask].mean() == pytest.approx(0.0, abs=1e-6)
    assert white[mask].std() == pytest.approx(1.0, abs=1e-6)
    assert (white[~mask] == 0).all()
    # A rising linear map: order and proportions stay.
    assert np.corrcoef(white[mask], x[mask])[0, 1] == pytest.approx(1.0, abs=1e-6)


def test_whiten_by_hand() -> None:
    # 1, 2 and 6: mean 3, variance (4 + 1 + 9) / 3.
    x, mask = torch.tensor([[1.0, 50.0], [2.0, 6.0]]), torch.tensor([[True, False], [True, True]])
    std = (14 / 3) ** 0.5
    close(whiten(x, mask), [[-2 / std, 0], [-1 / std, 3 / std]])


def test_whiten_leaves_small_differences_small() -> None:
    x, mask = torch.tensor([0.9, 1.1]), torch.tensor([True, True])
    close(whiten(x, mask, min_std=0.2), [-0.5, 0.5])
    close(whiten(x, mask, min_std=0.05), [-1.0, 1.0])


@pytest.mark.parametrize("mask", [[False, False], [True, False], [True, True]])
def test_whiten_what_does_not_vary(mask: list[bool]) -> None:
    close(whiten(torch.tensor([4.0, 4.0]), torch.tensor(mask)), [0.0, 0.0])


def test_masked_mean() -> None:
    x = torch.tensor([[1.0, 100.0], [4.0, 100.0]])
    close(masked_mean(x, torch.tensor([[True, False], [True, False]])), 2.5)
    close(masked_mean(x, torch.zeros(2, 2).bool()), 0.0)

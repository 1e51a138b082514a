"""What is earned over the turns of a game, and comparing games that started alike."""

import pytest
import torch

from llm_game_agents.update_rules.advantages import group_means, group_sizes, rewards_to_go


def close(actual: torch.Tensor, expected: object) -> None:
    torch.testing.assert_close(
        actual, torch.as_tensor(expected, dtype=actual.dtype), atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("gamma", "earned"),
    [
        # Game A has turns 1, 2 and 4; game B has 8 alone.
        (1.0, [7.0, 8.0, 6.0, 4.0]),
        (0.5, [1 + 0.5 * (2 + 0.5 * 4), 8.0, 2 + 0.5 * 4, 4.0]),
        (0.0, [1.0, 8.0, 2.0, 4.0]),
    ],
)
def test_rewards_to_go_by_hand(gamma: float, earned: list[float]) -> None:
    rewards = torch.tensor([1.0, 8.0, 2.0, 4.0])
    next_row, turn = torch.tensor([2, -1, 3, -1]), torch.tensor([0, 0, 1, 2])
    close(rewards_to_go(rewards, next_row, turn, gamma), earned)
    close(rewards, [1.0, 8.0, 2.0, 4.0])  # what was handed in stays


def test_rewards_to_go_whatever_the_order_of_the_rows() -> None:
    # The same games with later turns first.
    rewards = torch.tensor([4.0, 2.0, 8.0, 1.0])
    close(
        rewards_to_go(rewards, torch.tensor([-1, 0, -1, 1]), torch.tensor([2, 1, 0, 0]), 1.0),
        [4.0, 6.0, 8.0, 7.0],
    )


def test_groups_by_hand() -> None:
    # Group 3 in turn 0: rows 0, 2 and 5, the last not counted. In turn 1: row 3. Group 9: rows 1
    # and 4, neither counted.
    group, turn = torch.tensor([3, 9, 3, 3, 9, 3]), torch.tensor([0, 0, 0, 1, 0, 0])
    counted = torch.tensor([True, False, True, True, False, False])
    x = torch.tensor([1.0, 50.0, 4.0, 7.0, 60.0, 100.0])
    close(group_sizes(group, turn, counted), [2.0, 0.0, 2.0, 1.0, 0.0, 2.0])
    close(group_means(x, group, turn, counted), [2.5, 0.0, 2.5, 7.0, 0.0, 2.5])

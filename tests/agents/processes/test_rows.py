"""Whose rows are whose, and what goes through the model at once."""

import pytest
import torch

from llm_game_agents.processes import Alone
from llm_game_agents.trajectory import Decision, Trajectory, pack
from llm_game_agents.update_rules import Targets
from llm_game_agents.update_rules.portions import Portion, portions
from llm_game_env.players.causal_lm import Completion


class Seat(Alone):
    """One of several processes, which exchanges nothing."""

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count


def seats(count: int) -> list[Seat]:
    return [Seat(rank, count) for rank in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("num_rows", [0, 1, 2, 7, 64])
def test_every_row_is_somebodys(num_rows: int, count: int) -> None:
    slices = [seat.own_rows(num_rows) for seat in seats(count)]
    assert [row for own in slices for row in range(num_rows)[own]] == list(range(num_rows))
    sizes = [own.stop - own.start for own in slices]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == -(-num_rows // count)


def minibatch(num_rows: int) -> Trajectory:
    """Row i has a prompt token and i + 1 response tokens."""
    return pack(
        [
            Decision(
                Completion("", [5], [6] * (i + 1), [-1.0] * (i + 1), "length"),
                game=i,
                turn=0,
                reward=0.0,
                valid=True,
            )
            for i in range(num_rows)
        ],
        pad_id=0,
    )


def cut(num_rows: int, size: int, seat: Seat) -> list[Portion]:
    batch = minibatch(num_rows)
    weights = batch.response_mask.float()
    return list(portions(batch, Targets(weights, 2 * weights), weights, size, seat))


def rows_of(portion: Portion) -> list[int]:
    """By the lengths of their responses; a row that counts nothing has none."""
    lengths = portion.batch.response_mask.sum(-1)
    assert torch.equal(portion.weights.sum(-1), lengths.float())
    assert torch.equal(portion.targets.returns, 2 * portion.weights)
    return [int(length) - 1 for length in lengths if length]


@pytest.mark.parametrize(
    ("num_rows", "size", "count", "expected"),
    [
        (3, 0, 1, [[[0, 1, 2]]]),
        (3, 2, 1, [[[0, 1], [2]]]),
        (5, 0, 2, [[[0, 1]], [[2, 3, 4]]]),
        (5, 2, 2, [[[0, 1], []], [[2, 3], [4]]]),
        (1, 0, 3, [[[]], [[]], [[0]]]),
        (2, 1, 3, [[[]], [[0]], [[1]]]),
    ],
)
def test_all_go_through_the_model_equally_often(
    num_rows: int, size: int, count: int, expected: list[list[list[int]]]
) -> None:
    for seat, own in zip(seats(count), expected, strict=True):
        found = cut(num_rows, size, seat)
        assert [rows_of(portion) for portion in found] == own
        assert [portion.is_last for portion in found] == [False] * (len(own) - 1) + [True]
        assert all(len(portion.batch) for portion in found)

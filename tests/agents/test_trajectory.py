"""Decisions as tensors."""

import pytest
import torch

from llm_game_agents.trajectory import STOP_REASONS, Decision, Trajectory, pack
from llm_game_env.players.causal_lm import Completion
from llm_game_env.players.sampling import StopReason

PAD = 99


def decision(
    prompt: list[int],
    ids: list[int],
    *,
    game: int,
    turn: int = 0,
    reward: float = 0.0,
    valid: bool = True,
    stop: StopReason = "eos",
) -> Decision:
    logprobs = [-0.5 * (i + 1) for i in range(len(ids))]
    return Decision(Completion("", prompt, ids, logprobs, stop), game, turn, reward, valid)


@pytest.fixture
def packed() -> Trajectory:
    """Game 4 has two turns, of which the second comes first in the list."""
    return pack(
        [
            decision([1, 2, 3, 4], [5, 6], game=4, turn=1, reward=2.0, stop="length"),
            decision([7], [8, 3], game=4, turn=0, reward=-1.0),
            decision([1, 2], [3], game=0, turn=0, reward=0.5, valid=False, stop="context"),
        ],
        PAD,
    )


def test_columns(packed: Trajectory) -> None:
    assert len(packed) == 3
    assert packed.ids.tolist() == [
        [1, 2, 3, 4, 5, 6],
        [7, 8, 3, PAD, PAD, PAD],
        [1, 2, 3, PAD, PAD, PAD],
    ]
    assert packed.attention_mask.tolist() == [[1] * 6, [1] * 3 + [0] * 3, [1] * 3 + [0] * 3]
    # A decision that is not to be learned from has no response.
    assert packed.response_mask.int().tolist() == [[0] * 4 + [1] * 2, [0, 1, 1, 0, 0, 0], [0] * 6]
    assert packed.logprobs[0].tolist() == [0, 0, 0, 0, -0.5, -1.0]
    assert packed.logprobs[1].tolist() == [0, -0.5, -1.0, 0, 0, 0]
    assert packed.ref_logprobs.eq(0).all()
    assert packed.values.eq(0).all()


def test_rows(packed: Trajectory) -> None:
    assert packed.rewards.tolist() == [2.0, -1.0, 0.5]
    assert packed.rewards.dtype == torch.float32
    assert packed.turn.tolist() == [1, 0, 0]
    assert packed.game.tolist() == [4, 4, 0]
    assert packed.next_row.tolist() == [-1, 0, -1]
    assert [STOP_REASONS[i] for i in packed.stop] == ["length", "eos", "context"]


def test_dtypes(packed: Trajectory) -> None:
    for name in ("ids", "attention_mask", "next_row", "turn", "game", "stop"):
        assert getattr(packed, name).dtype == torch.int64
    for name in ("logprobs", "ref_logprobs", "values"):
        assert getattr(packed, name).dtype == torch.float32
    assert packed.response_mask.dtype == torch.bool


def test_the_pad_id_may_be_part_of_a_response() -> None:
    one = pack([decision([PAD, 1], [PAD, PAD], game=0), decision([1], [2], game=1)], PAD)
    assert one.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert one.response_mask.int().tolist() == [[0, 0, 1, 1], [0, 1, 0, 0]]


def test_first_response_column(packed: Trajectory) -> None:
    assert packed.first_response_column == 1
    assert packed.take(torch.tensor([0])).first_response_column == 4
    assert packed.take(torch.tensor([2])).first_response_column == 1  # no response at all


def test_take_picks_rows_and_cuts_the_padding(packed: Trajectory) -> None:
    taken = packed.take(torch.tensor([2, 1]))
    assert taken.ids.tolist() == [[1, 2, 3], [7, 8, 3]]
    assert taken.attention_mask.tolist() == [[1] * 3] * 2
    assert taken.response_mask.int().tolist() == [[0, 0, 0], [0, 1, 1]]
    assert taken.logprobs[1].tolist() == [0, -0.5, -1.0]
    assert taken.rewards.tolist() == [0.5, -1.0]
    assert taken.game.tolist() == [0, 4]


def test_turns_of_several_games_are_chained() -> None:
    order = [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (2, 2)]  # (game, turn); game 1 ends early
    packed = pack([decision([1], [2], game=g, turn=t) for g, t in order], PAD)
    assert packed.next_row.tolist() == [3, -1, 4, -1, 5, -1]

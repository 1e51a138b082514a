"""What one player did in a rollout, as tensors: the only crossing from text to training."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch

from llm_game_env.players.causal_lm import Completion

STOP_REASONS = ("eos", "length", "context")


@dataclass(frozen=True)
class Decision:
    """One message that the learner wrote, and what came of it.

    Attributes:
        completion: the message with its tokens.
        game: row of the batch of games.
        turn: exchange within the game.
        reward: the learner's, summed until it acted again or the game ended.
        valid: whether to learn from it (a defender need not from a malformed prompt).
        group: decisions of games that started alike share it, see `UpdateRule.group_size`.
    """

    completion: Completion
    game: int
    turn: int
    reward: float
    valid: bool
    group: int = 0


@dataclass(frozen=True)
class Trajectory:
    """Decision points of one player, one a row, right-padded.

    Attributes:
        ids: int64 [B, T], conversation and response.
        attention_mask: int64 [B, T].
        response_mask: bool [B, T], tokens that the policy produced and is to learn from.
        logprobs: float [B, T], as sampled; 0 outside the response.
        ref_logprobs: float [B, T], under the reference.
        values: float [B, T], of the critic before the update.
        rewards: float [B], of the game, to land on the row's last response token.
        next_row: int64 [B], the row of the same game's next turn; -1 at its end.
        turn: int64 [B].
        game: int64 [B].
        group: int64 [B], games that started alike share it.
        stop: int64 [B], index into STOP_REASONS.
    """

    ids: torch.Tensor
    attention_mask: torch.Tensor
    response_mask: torch.Tensor
    logprobs: torch.Tensor
    ref_logprobs: torch.Tensor
    values: torch.Tensor
    rewards: torch.Tensor
    next_row: torch.Tensor
    turn: torch.Tensor
    game: torch.Tensor
    group: torch.Tensor
    stop: torch.Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_truncated(self) -> torch.Tensor:
        """Whether a row's message did not end by itself; bool [B]."""
        return self.stop != STOP_REASONS.index("eos")

    @property
    def first_response_column(self) -> int:
        """The first column that holds a response token of any row; at least 1."""
        columns = torch.nonzero(self.response_mask.any(0))[:, 0]
        return int(columns[0]) if len(columns) else 1

    def take(self, rows: torch.Tensor) -> "Trajectory":
        """Some rows, cut to the longest of them; `next_row` is meaningless afterwards."""
        width = int(self.attention_mask[rows].sum(-1).max())
        picked = {f.name: getattr(self, f.name)[rows] for f in fields(self)}
        return Trajectory(**{k: v[:, :width] if v.ndim == 2 else v for k, v in picked.items()})


def pack(
    decisions: Sequence[Decision], pad_id: int, device: torch.device | str = "cpu"
) -> Trajectory:
    """Decisions as tensors; `ref_logprobs` and `values` are 0, to be filled by the learner."""
    lengths = [len(d.completion.prompt_ids) + len(d.completion.ids) for d in decisions]
    shape = (len(decisions), max(lengths))
    ids = torch.full(shape, pad_id)
    attention_mask = torch.zeros(shape, dtype=torch.long)
    response_mask = torch.zeros(shape, dtype=torch.bool)
    logprobs = torch.zeros(shape)
    for row, (decision, length) in enumerate(zip(decisions, lengths, strict=True)):
        completion = decision.completion
        start = len(completion.prompt_ids)
        ids[row, :length] = torch.tensor(completion.prompt_ids + completion.ids)
        attention_mask[row, :length] = 1
        # By place and never by id: the end-of-sequence token of a message is a choice of the policy
        # like any other, and a padding token may be one.
        response_mask[row, start:length] = decision.valid
        logprobs[row, start:length] = torch.tensor(completion.logprobs)
    row_of = {(d.game, d.turn): row for row, d in enumerate(decisions)}
    trajectory = Trajectory(
        ids=ids,
        attention_mask=attention_mask,
        response_mask=response_mask,
        logprobs=logprobs,
        ref_logprobs=torch.zeros(shape),
        values=torch.zeros(shape),
        rewards=torch.tensor([d.reward for d in decisions], dtype=torch.float32),
        next_row=torch.tensor([row_of.get((d.game, d.turn + 1), -1) for d in decisions]),
        turn=torch.tensor([d.turn for d in decisions]),
        game=torch.tensor([d.game for d in decisions]),
        group=torch.tensor([d.group for d in decisions]),
        stop=torch.tensor([STOP_REASONS.index(d.completion.stop) for d in decisions]),
    )
    moved = {f.name: getattr(trajectory, f.name).to(device) for f in fields(trajectory)}
    return Trajectory(**moved)

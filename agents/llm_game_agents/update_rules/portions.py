"""A minibatch cut into what goes through the model at once, on this process."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch

from llm_game_agents.processes import Processes
from llm_game_agents.trajectory import Trajectory
from llm_game_agents.update_rules.protocol import Targets


class Portion(NamedTuple):
    """Some rows of a minibatch.

    Attributes:
        batch: R rows, cut to the longest of them.
        targets: of these rows, float [R, T].
        weights: what each token's loss counts, float [R, T].
        is_last: whether the gradients are whole after it.
    """

    batch: Trajectory
    targets: Targets
    weights: torch.Tensor
    is_last: bool


def portions(
    batch: Trajectory,
    targets: Targets,
    weights: torch.Tensor,
    micro_batch_size: int,
    processes: Processes,
) -> Iterator[Portion]:
    """This process's rows of a minibatch, as many portions as any other process has.

    Averaging gradients takes all processes: one that has fewer rows goes through the model with a
    row that counts nothing.

    Args:
        batch: the whole minibatch, B rows.
        targets, weights: of all of it, float [B, T].
        micro_batch_size: rows of a portion at most; 0 for all at once.
        processes: among which the rows are shared out.
    """
    num_rows = len(batch)
    most = -(-num_rows // processes.count)
    size = micro_batch_size or most
    rows = torch.arange(num_rows, device=batch.ids.device)[processes.own_rows(num_rows)]
    pieces = [piece for piece in rows.split(size) if len(piece)]
    number = -(-most // size)
    for index in range(number):
        is_last = index == number - 1
        if index < len(pieces):
            piece = pieces[index]
            picked = Targets(*(part[piece] for part in targets))
            yield Portion(batch.take(piece), picked, weights[piece], is_last)
        else:
            nothing = torch.zeros_like(weights[:1])
            yield Portion(_idle(batch), Targets(nothing, nothing), nothing, is_last)


def _idle(batch: Trajectory) -> Trajectory:
    """One row of which no token is learnt from."""
    row = batch.take(torch.zeros(1, dtype=torch.long, device=batch.ids.device))
    return replace(row, response_mask=torch.zeros_like(row.response_mask))

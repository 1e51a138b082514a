"""Batched inference by length: the one place where local models are given their batches.

Rows of like length share a batch, so that next to no padding is computed: on a CPU, where padding
costs as much as text, a batch also ends early where the next rows are much longer (`cut`). Results
come back in the order of the rows. Padding is masked and positions are counted without it, so that
neither the batch size nor the order nor the side that is padded changes a result by more than
rounding.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch

from llm_game_env.chat import Piece

_BATCH_COST = 32
"""What a batch costs on a CPU besides its tokens, in tokens; MiniLM takes 5 % longer with 100."""


class Batch(NamedTuple):
    """Padded rows on the model's device.

    Attributes:
        input_ids: int64 [B, W].
        attention_mask: int64 [B, W], 1 for a token, 0 for padding.
        position_ids: int64 [B, W], counted from the row's first token; 0 for padding before it.
        token_type_ids: int64 [B, W], 0 where none were given.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    position_ids: torch.Tensor
    token_type_ids: torch.Tensor


@torch.inference_mode()
def run_by_length(
    run: Callable[[Batch], torch.Tensor],
    rows: Sequence[Sequence[int]],
    *,
    types: Sequence[Sequence[int]] | None = None,
    pad_id: int,
    side: Literal["left", "right"],
    batch_size: int,
    device: torch.device | str,
) -> np.ndarray:
    """What `run` makes of each row, in inference mode.

    Args:
        run: takes a batch of B rows, returns a tensor [B, ...] of any float type.
        rows: N rows of token ids, of different lengths.
        types: the token types of each row, for models that tell two texts apart by them.
        pad_id: fills up short rows.
        side: where it does; `left` puts the last token of every row into the last column.
        batch_size: the most rows of a batch; on a CPU most have fewer.
        device: of the batches.

    Returns:
        float32 [N, ...]; [0] where there are no rows.
    """
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    if torch.device(device).type == "cpu":
        places = cut([len(rows[row]) for row in order], batch_size, _BATCH_COST)
    else:  # An accelerator takes a full batch about as fast as a small one.
        places = [slice(start, start + batch_size) for start in range(0, len(rows), batch_size)]
    results: np.ndarray | None = None
    for place in places:
        chosen = order[place]
        batch = _pad(
            [rows[row] for row in chosen],
            None if types is None else [types[row] for row in chosen],
            pad_id,
            side,
            device,
        )
        values = run(batch).float().cpu().numpy()
        if results is None:
            results = np.zeros((len(rows), *values.shape[1:]), np.float32)
        results[chosen] = values
    return np.zeros(0, np.float32) if results is None else results


def cut(lengths: Sequence[int], most: int, batch_cost: float) -> list[slice]:
    """Where to cut sorted rows into batches, by dynamic programming over the last cut.

    The sum over all batches of (rows * longest row + `batch_cost`) is least; among equals, batches
    are large. It takes O(N * `most`) steps, in NumPy.

    Args:
        lengths: of N rows, ascending.
        most: rows of a batch, at least 1.
        batch_cost: of one more batch, in tokens.

    Returns:
        The rows of each batch, first to last; none where there are no rows.
    """
    costs = np.zeros(len(lengths) + 1)  # [i]: of the first i rows
    starts = np.zeros(len(lengths) + 1, np.int64)  # [i]: of the batch that ends there
    for end, longest in enumerate(lengths, start=1):
        first = max(0, end - most)
        options = costs[first:end] + longest * np.arange(end - first, 0, -1)
        best = int(options.argmin())
        costs[end] = options[best] + batch_cost
        starts[end] = first + best
    places: list[slice] = []
    end = len(lengths)
    while end:
        places.append(slice(int(starts[end]), end))
        end = int(starts[end])
    return places[::-1]


def fit(pieces: Sequence[Piece], limit: int) -> list[Piece]:
    """Shortens an encoded dialogue to at most `limit` tokens, keeping the response.

    The contents of the oldest messages go first, each from its front; the template around them
    stays. When only the response, the last content, is left, its end goes. Where the limit does
    not even hold the template and the response, the front of everything goes, and where the
    response with what follows it is too long by itself, the end of the response.

    Args:
        pieces: as `encode_pieces` gives them.
        limit: tokens, at least 1.

    Returns:
        The pieces, shortened.
    """
    kept = list(pieces)
    over = sum(len(piece.ids) for piece in kept) - limit
    contents = [place for place, piece in enumerate(kept) if piece.message is not None]
    last = contents[-1] if contents else len(kept) - 1
    markup = sum(len(piece.ids) for piece in kept if piece.message is None)
    after = sum(len(piece.ids) for piece in kept[last + 1 :])
    front = contents[:-1] if markup + 1 <= limit else range(last)
    for place in front:
        if over > 0:
            dropped = min(over, len(kept[place].ids))
            kept[place] = kept[place]._replace(ids=kept[place].ids[dropped:])
            over -= dropped
    if over > 0:
        left = max(len(kept[last].ids) - over, 0)
        over -= len(kept[last].ids) - left
        kept[last] = kept[last]._replace(ids=kept[last].ids[:left])
    if over > 0 and after:  # Not even what follows the response fits.
        tail = [token for piece in kept[last + 1 :] for token in piece.ids][over:]
        kept = [*kept[: last + 1], Piece(tail, None, "")]
    return kept


def _pad(
    rows: Sequence[Sequence[int]],
    types: Sequence[Sequence[int]] | None,
    pad_id: int,
    side: Literal["left", "right"],
    device: torch.device | str,
) -> Batch:
    width = max(1, *(len(row) for row in rows))
    ids = np.full((len(rows), width), pad_id, np.int64)
    mask, kinds = np.zeros_like(ids), np.zeros_like(ids)
    for i, row in enumerate(rows):
        place = slice(0, len(row)) if side == "right" else slice(width - len(row), width)
        ids[i, place] = row
        mask[i, place] = 1
        if types is not None:
            kinds[i, place] = types[i]
    positions = np.maximum(mask.cumsum(1) - 1, 0)
    return Batch(*(torch.from_numpy(array).to(device) for array in (ids, mask, positions, kinds)))

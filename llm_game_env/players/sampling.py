"""Batched sampling from a causal language model, keeping the log-probabilities.

`transformers.generate` does not take its random numbers from outside, makes one pay for the
log-probabilities it sampled with, and goes on computing for sequences that have ended.
"""

import inspect
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from llm_game_env.loading import input_device
from llm_game_env.players.attention_bias import attention_bias
from llm_game_env.players.cache import make_cache

StopReason = Literal["eos", "length", "context"]


@dataclass(frozen=True)
class SampledTokens:
    """One sampled sequence.

    Attributes:
        ids: the sampled tokens, the end-of-sequence token included where one was drawn.
        logprobs: log_softmax(logits / temperature) of each, over the full vocabulary.
        stop: why it ended: an end-of-sequence token, `max_tokens`, or the model's context.
    """

    ids: list[int]
    logprobs: list[float]
    stop: StopReason


@torch.inference_mode()
def sample_tokens(
    model: Any,
    prompts: Sequence[list[int]],
    uniforms: np.ndarray,
    *,
    eos_ids: Collection[int],
    pad_id: int,
    context: int,
    temperature: float = 1.0,
) -> list[SampledTokens]:
    """Samples a continuation of each prompt by inverting the cumulative distribution.

    Args:
        model: a Hugging Face causal language model in eval mode.
        prompts: N lists of token ids, none empty, each shorter than `context`.
        uniforms: float [N, max_tokens] in [0, 1); entry (i, t) decides token t of row i, so that
            a draw depends neither on the batch it is made in nor on other rows' lengths.
        eos_ids: tokens that end a sequence.
        pad_id: any legal id; what is padded is masked.
        context: the most positions the model has.
        temperature: divides the logits; 0 takes the most probable token.
    """
    device = input_device(model)
    lengths = np.array([len(prompt) for prompt in prompts])
    input_ids, mask = _left_pad(prompts, int(lengths.max()), pad_id, device)
    draws = torch.from_numpy(np.ascontiguousarray(uniforms)).to(device, torch.float32)
    ends = torch.tensor(sorted(eos_ids), device=device)
    num_rows, max_tokens = uniforms.shape
    ids = np.zeros((num_rows, max_tokens), dtype=np.int64)
    logprobs = np.zeros((num_rows, max_tokens), dtype=np.float32)
    counts = np.zeros(num_rows, dtype=np.int64)
    ended = np.zeros(num_rows, dtype=bool)

    extra = {"logits_to_keep": 1} if accepts_logits_to_keep(model) else {}
    cache = make_cache(model.config)
    alive = np.arange(num_rows)
    positions = mask.cumsum(-1).sub_(1).clamp_(min=0)
    width = mask.shape[1]
    bias = attention_bias(model, mask, max_tokens)
    for t in range(max_tokens):
        logits = model(
            input_ids=input_ids,
            attention_mask=mask if bias is None or t == 0 else bias[..., : width + t],
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            **extra,
        ).logits[:, -1]
        tokens, token_logprobs = _draw(logits.float(), draws[alive, t], temperature)
        ids[alive, t], logprobs[alive, t] = tokens.cpu(), token_logprobs.cpu()
        counts[alive] = t + 1
        is_end = torch.isin(tokens, ends).cpu().numpy()
        ended[alive[is_end]] = True
        going = ~is_end & (lengths[alive] + t + 1 < context)
        if not going.any():
            break
        input_ids, positions = tokens[:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(tokens[:, None])], dim=1)
        if not going.all():
            kept = torch.from_numpy(np.flatnonzero(going)).to(device)
            cache.batch_select_indices(kept)
            input_ids, positions, mask = input_ids[kept], positions[kept], mask[kept]
            bias = None if bias is None else bias[kept]
            alive = alive[going]
    return [
        SampledTokens(
            ids=ids[row, : counts[row]].tolist(),
            logprobs=logprobs[row, : counts[row]].tolist(),
            stop="eos" if ended[row] else "length" if counts[row] == max_tokens else "context",
        )
        for row in range(num_rows)
    ]


def _draw(
    logits: torch.Tensor, uniforms: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens [N] and their log-probabilities [N] from logits [N, V] and uniforms [N]."""
    logprobs = (logits / temperature if temperature > 0 else logits).log_softmax(-1)
    if temperature > 0:
        cumulative = logprobs.exp().cumsum(-1)
        # The sum ends a rounding error away from 1: scale the draw instead of trusting it.
        total = cumulative[:, -1:].contiguous()
        tokens = torch.searchsorted(cumulative, uniforms[:, None] * total, right=True)
        # A draw that rounds to 1 takes the last token that has any probability.
        tokens = torch.minimum(tokens, torch.searchsorted(cumulative, total))[:, 0]
    else:
        tokens = logits.argmax(-1)
    return tokens, logprobs.gather(-1, tokens[:, None])[:, 0]


def _left_pad(
    rows: Sequence[list[int]], width: int, pad_id: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    input_ids = torch.tensor([[pad_id] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return input_ids.to(device), mask.to(device)


def accepts_logits_to_keep(model: Any) -> bool:
    """Whether the model can be asked for the logits of its last positions alone."""
    return "logits_to_keep" in inspect.signature(type(model).forward).parameters

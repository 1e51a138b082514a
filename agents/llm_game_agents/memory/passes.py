"""The memory of one forward or backward pass, found by making it.

On a `Weightless` model the pass is made on tensors without data and takes no memory itself; on a
real one it is a real pass of a few rows. Nothing is random, and no gradient is left.
"""

from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from transformers import DynamicCache

from llm_game_agents.memory.live_bytes import LiveBytes
from llm_game_agents.policy import LanguagePolicy
from llm_game_env.loading import input_device
from llm_game_env.players.sampling import accepts_logits_to_keep


class Need(NamedTuple):
    """Bytes beside the weights, and beside the gradients where there are any.

    Attributes:
        peak: the most at once.
        logits: of these, in tensors as wide as the vocabulary.
        cache: of the keys and values at the end; 0 where none are kept.
    """

    peak: int
    logits: int
    cache: int = 0

    @staticmethod
    def at(rows: int, one: "Need", two: "Need") -> "Need":
        """Of any number of rows, from what one row and two rows need: it grows linearly."""
        return Need(*(a + (rows - 1) * max(0, b - a) for a, b in zip(one, two, strict=True)))


def update_need(policy: LanguagePolicy, rows: int, length: int, start: int) -> Need:
    """Of a micro-batch's loss and gradient, which is added to those that are there.

    Args:
        policy: whose gradients, if it has any, are dropped.
        rows: that go through the model at once.
        length: tokens of a row, the response included.
        start: the first token of any response.
    """
    device = policy.value_head.weight.device
    ids = torch.ones((rows, length), dtype=torch.long, device=device)
    mask = torch.ones_like(ids)
    policy.zero_grad()
    for parameter in [*policy.learnt_weights(), *policy.critic_weights()]:
        parameter.grad = torch.zeros_like(parameter)
    with ExitStack() as stack:
        if policy.computing.compile:  # What is compiled makes no operations that could be seen.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        live = stack.enter_context(LiveBytes(_vocabulary(policy.model)))
        scores = policy.score(ids, mask, max(1, start))
        # As a surrogate has it: the ratio to what was sampled.
        ratio = torch.exp(scores.logprobs - scores.logprobs.detach())
        (ratio.sum() + scores.entropy.sum() + scores.values.square().sum()).backward()
    policy.zero_grad()
    return Need(live.peak, live.wide_at_peak)


@torch.no_grad()
def sampling_need(policy: LanguagePolicy, rows: int, prompt: int, response: int) -> Need:
    """Of writing one message a row.

    Args:
        policy: who writes.
        rows: games at once.
        prompt, response: tokens of the conversation before it, and of the message.
    """
    model: Any = policy.model
    kept = {"logits_to_keep": 1} if accepts_logits_to_keep(model) else {}
    vocabulary = _vocabulary(model)

    def read(width: int, cache: DynamicCache) -> LiveBytes:
        ids = torch.ones((rows, width), dtype=torch.long, device=model.device)
        mask = torch.ones((rows, width + cache.get_seq_length()), device=model.device)
        with policy.computing.autocast(model.device), LiveBytes(vocabulary) as live:
            logits = model(
                input_ids=ids, attention_mask=mask.long(), past_key_values=cache, **kept
            ).logits[:, -1]
            logprobs = (logits.float() / policy.player.temperature).log_softmax(-1)
            logprobs.exp().cumsum(-1)
        return live

    before = DynamicCache(config=model.config)
    first = read(prompt, before)
    full = DynamicCache(config=model.config)
    read(prompt + response - 1, full)
    held = _cache_bytes(full)
    last = read(1, full)
    peaks = {first.peak: first.wide_at_peak, held + last.peak: last.wide_at_peak}
    peak = max(peaks)
    return Need(peak, peaks[peak], _cache_bytes(full))


@torch.no_grad()
def scoring_need(model: Any, rows: int, length: int) -> Need:
    """Of a forward pass alone, through a reward model say."""
    device = input_device(model)
    ids = torch.ones((rows, length), dtype=torch.long, device=device)
    with LiveBytes() as live:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    return Need(live.peak, 0)


def largest_that_fits(one: Need, two: Need, rows: int, room: float | None) -> int:
    """Rows, halved until what they need goes into the room; at least 1."""
    while room is not None and rows > 1 and Need.at(rows, one, two).peak > room:
        rows = -(-rows // 2)
    return rows


def _vocabulary(model: Any) -> int:
    return int(model.get_input_embeddings().num_embeddings)


def _cache_bytes(cache: DynamicCache) -> int:
    return sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)  # pyright: ignore

"""Supervised training of the world's small models: one loop for players and reward model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from llm_game_env.chat import encode_chats
from llm_game_env.spaces import Message, Role

IGNORED = -100


@dataclass(frozen=True)
class SupervisedBatch:
    """Right-padded examples.

    Attributes:
        input_ids: int64 [B, T].
        attention_mask: int64 [B, T].
        labels: int64 [B, T] next-token targets aligned to their own token (IGNORED elsewhere), or
            int64 [B] class indices.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor


def train(
    model: PreTrainedModel,
    next_batch: Callable[[int], SupervisedBatch],
    steps: int,
    learning_rate: float,
    title: str,
) -> PreTrainedModel:
    """Trains a model in place by AdamW with a one-cycle schedule, and returns it.

    Args:
        model: whose loss is that of its labels.
        next_batch: the batch of a step, from 0.
        steps: how many.
        learning_rate: the peak.
        title: of the progress bar.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    smoothed = float("nan")
    model.train()
    progress = tqdm(range(steps), desc=title, mininterval=2.0)
    for step in progress:
        loss = _loss(model, next_batch(step))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        smoothed = loss.item() if step == 0 else 0.98 * smoothed + 0.02 * loss.item()
        progress.set_postfix(loss=f"{smoothed:.3f}", refresh=False)
    return model.eval()


def chat_batch(tokenizer: PreTrainedTokenizerFast, pairs: list[tuple[str, str]]) -> SupervisedBatch:
    """(user, assistant) pairs; only the assistant's tokens and their end are targets."""
    prompts = _chat_ids(tokenizer, [(user,) for user, _ in pairs], generate=True)
    wholes = _chat_ids(tokenizer, pairs, generate=False)
    input_ids, attention_mask = _pad(wholes, tokenizer.pad_token_id)
    labels = input_ids.masked_fill(attention_mask == 0, IGNORED)
    for row, prompt in enumerate(prompts):
        labels[row, : len(prompt)] = IGNORED
    return SupervisedBatch(input_ids, attention_mask, labels)


def class_batch(
    tokenizer: PreTrainedTokenizerFast, pairs: list[tuple[str, str]], classes: list[int]
) -> SupervisedBatch:
    """(prompt, response) pairs, each with the index of its class."""
    wholes = _chat_ids(tokenizer, pairs, generate=False)
    input_ids, attention_mask = _pad(wholes, tokenizer.pad_token_id)
    return SupervisedBatch(input_ids, attention_mask, torch.tensor(classes))


def _loss(model: PreTrainedModel, batch: SupervisedBatch) -> torch.Tensor:
    if batch.labels.ndim == 1:
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
        return cross_entropy(logits, batch.labels)
    hidden = model.base_model(batch.input_ids, attention_mask=batch.attention_mask)[0]
    # The vocabulary is wider than the model: the head is worth running on the targets alone.
    target = batch.labels[:, 1:] != IGNORED
    head: Any = model.get_output_embeddings()
    logits = head(hidden[:, :-1][target])
    return cross_entropy(logits, batch.labels[:, 1:][target])


def _chat_ids(
    tokenizer: PreTrainedTokenizerFast, contents: Sequence[tuple[str, ...]], generate: bool
) -> list[list[int]]:
    roles: tuple[Role, ...] = ("user", "assistant")
    chats = [
        [Message(role=role, content=text) for role, text in zip(roles, row, strict=False)]
        for row in contents
    ]
    return encode_chats(tokenizer, chats, add_generation_prompt=generate)


def _pad(rows: list[list[int]], pad: Any) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows))
    input_ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    attention_mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return input_ids, attention_mask

"""Texts that a policy is to go on finding likely while it learns to win: the ptx of PPO-ptx.

A JSONL file, each line a JSON string, {"text": "…"}, or {"messages": [{"role", "content"}, …]}.
"""

import hashlib
import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from llm_game_agents.policy import TokenScores
from llm_game_env.chat import TextEncoder, encode_chats
from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.spaces import ROLES, Message


class TextBatch(NamedTuple):
    """Some texts, right-padded.

    Attributes:
        ids: int64 [B, T].
        attention_mask: int64 [B, T].
    """

    ids: torch.Tensor
    attention_mask: torch.Tensor


class PretrainingTexts:
    """Texts in a player's tokens.

    A plain text is a document: the beginning-of-sequence token before it where the tokenizer has
    one, end-of-sequence behind. Messages go through the player's chat template. Special tokens
    that a text spells out are not read as such. What exceeds the model's context is cut off.

    Args:
        path: see the module's docstring.
        player: whose tokenizer and context.

    Attributes:
        ids: of each text, at least two tokens.
        digest: names the tokens of all texts.

    Raises:
        ConfigurationError: the file cannot be read, a line is no text, or there is none.
    """

    def __init__(self, path: str | PathLike[str], player: CausalLMPlayer) -> None:
        texts, chats = _read(Path(path))
        tokenizer = player.tokenizer
        start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        end = [tokenizer.eos_token_id or min(player.eos_ids)]
        rows = [[*start, *ids, *end] for ids in TextEncoder(tokenizer).encode(texts)]
        rows += encode_chats(tokenizer, chats, add_generation_prompt=False)
        # The first token of a row is given, not foretold.
        self.ids = [row[: player.context] for row in rows if len(row) > 1]
        if not self.ids:
            raise ConfigurationError(
                f"ptx_texts={str(path)!r} holds no text of two tokens; give at least one"
            )
        self.digest = hashlib.sha256(json.dumps(self.ids).encode()).hexdigest()
        self._pad_id = player.pad_id

    def draw(self, count: int, rng: np.random.Generator) -> TextBatch:
        """So many texts, each as likely as any other, with replacement."""
        rows = [self.ids[index] for index in rng.integers(len(self.ids), size=count)]
        shape = (count, max(len(row) for row in rows))
        ids = torch.full(shape, self._pad_id)
        attention_mask = torch.zeros(shape, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            attention_mask[i, : len(row)] = 1
        return TextBatch(ids, attention_mask)


def backward_texts(
    score: Callable[..., TokenScores], batch: TextBatch, coef: float, micro_batch_size: int
) -> float:
    """Adds the gradient of coef · mean(-log π), over the tokens of some texts; returns the mean.

    The last term of PPO-ptx (Ouyang et al. 2022, arXiv 2203.02155, equation 2), a token each where
    they print a text each, so that the coefficient means the same for texts of any length.

    Args:
        score: of a policy, whose gradients are added to.
        batch: of texts, where the policy is.
        coef: weight of the term.
        micro_batch_size: texts that go through the model at once; 0 for all.
    """
    num_tokens = int(batch.attention_mask[:, 1:].sum())
    total = 0.0
    for rows in torch.arange(len(batch.ids)).split(micro_batch_size or len(batch.ids)):
        ids, mask = (part[rows] for part in batch)
        logprobs = score(ids, mask).logprobs[:, 1:]
        loss = -(logprobs * mask[:, 1:]).sum() / num_tokens
        (coef * loss).backward()
        total += float(loss.detach())
    return total


def _read(path: Path) -> tuple[list[str], list[list[Message]]]:
    """The plain texts and the conversations of a file."""
    texts: list[str] = []
    chats: list[list[Message]] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"ptx_texts={str(path)!r} cannot be read ({error}); give a JSONL file in UTF-8"
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise _bad(path, number, line) from error
        value = record.get("messages", record.get("text")) if isinstance(record, dict) else record
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list) and value and all(_is_message(item) for item in value):
            chats.append([Message(role=m["role"], content=m["content"]) for m in value])
        else:
            raise _bad(path, number, record)
    return texts, chats


def _is_message(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("role") in ROLES
        and isinstance(value.get("content"), str)
    )


def _bad(path: Path, number: int, value: Any) -> ConfigurationError:
    return ConfigurationError(
        f"ptx_texts={str(path)!r}, line {number}: {brief(value)} is no text; write a JSON string, "
        '{"text": …} or {"messages": [{"role", "content"}, …]}'
    )

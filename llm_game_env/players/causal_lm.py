"""Any Hugging Face causal language model as a player."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from llm_game_env.chat import encode_chats
from llm_game_env.errors import ConfigurationError
from llm_game_env.loading import input_device, load_pretrained, placement
from llm_game_env.players.sampling import StopReason, sample_tokens
from llm_game_env.spaces import Message


@dataclass(frozen=True)
class Completion:
    """One message as a model wrote it.

    Attributes:
        text: the message, special tokens left out.
        prompt_ids: the tokens it was conditioned on.
        ids: its own tokens, the end-of-sequence token included where one was drawn.
        logprobs: of those tokens, as they were sampled.
        stop: why it ended.
    """

    text: str
    prompt_ids: list[int]
    ids: list[int]
    logprobs: list[float]
    stop: StopReason


class CausalLMPlayer:
    """A causal language model, its tokenizer, and how to talk through its chat template.

    Args:
        model: a Hugging Face causal language model.
        tokenizer: its tokenizer. Without a chat template, a plain "User: … Assistant: …" one is
            used; without a padding token, none is needed (what is padded is masked).
        temperature: divides the logits when sampling; 0 takes the most probable token.

    Raises:
        ConfigurationError: there is no end-of-sequence token, so no message would ever end; or the
            tokenizer is not the model's.
    """

    def __init__(self, model: Any, tokenizer: Any, *, temperature: float = 1.0) -> None:
        if temperature < 0 or not np.isfinite(temperature):
            raise ConfigurationError(f"temperature={temperature} must be finite and at least 0")
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.temperature = temperature
        self.eos_ids = _eos_ids(model, tokenizer)
        config = model.config.get_text_config()
        self.context = int(getattr(config, "max_position_embeddings", None) or 2**20)
        self._vocabulary = int(model.get_input_embeddings().num_embeddings)
        self._refuse_foreign_tokenizer()

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        device: str | torch.device | None = None,
        temperature: float = 1.0,
        dtype: torch.dtype | Literal["auto"] = "auto",
        device_map: str | Mapping[str, int | str] | None = None,
    ) -> "CausalLMPlayer":
        """Loads a folder or a hub id; weights from safetensors only, no remote code.

        Args:
            path: the folder or hub id.
            device: where the model goes; the CPU by default.
            temperature: see the class.
            dtype: of the weights; "auto" keeps the checkpoint's.
            device_map: spreads a model that is not to learn over devices, or to memory and disk,
                as `from_pretrained` takes it (which needs accelerate); in place of `device`.

        Raises:
            ConfigurationError: the model or its tokenizer cannot be loaded or used, or both a
                device and a device map are given.
        """
        model, tokenizer = load_pretrained(
            AutoModelForCausalLM,
            path,
            "causal language model",
            dtype=dtype,
            attn_implementation="eager",
            **placement(device, device_map),
        )
        if device_map is None:
            model.to(device or "cpu")
        return cls(model, tokenizer, temperature=temperature)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes an ordinary Hugging Face folder."""
        self.model.save_pretrained(path)
        self.tokenizer.save_pretrained(path)

    @property
    def pad_id(self) -> int:
        """A legal id for masked positions."""
        pad = self.tokenizer.pad_token_id
        # Tokenizers get padding tokens that their models have no embedding for.
        return min(self.eos_ids) if pad is None or pad >= self._vocabulary else pad

    def encode(self, conversations: Sequence[Sequence[Message]]) -> list[list[int]]:
        """Token ids of conversations, each ready for the assistant's next message."""
        return encode_chats(self.tokenizer, conversations, add_generation_prompt=True)

    def sample(
        self, conversations: Sequence[Sequence[Message]], uniforms: np.ndarray
    ) -> list[Completion]:
        """The next message of each conversation, with all that training needs to know of it.

        Args:
            conversations: N lists of messages. Of one that leaves no room for a message in the
                model's context, the oldest tokens are dropped.
            uniforms: float [N, max_tokens] in [0, 1), the random numbers to sample with.
        """
        room = max(1, self.context - uniforms.shape[1])
        prompts = [ids[-room:] for ids in self.encode(conversations)]
        sampled = sample_tokens(
            self.model,
            prompts,
            uniforms,
            eos_ids=self.eos_ids,
            pad_id=self.pad_id,
            context=self.context,
            temperature=self.temperature,
        )
        texts = self.tokenizer.batch_decode([s.ids for s in sampled], skip_special_tokens=True)
        return [
            Completion(text.strip(), prompt, s.ids, s.logprobs, s.stop)
            for text, prompt, s in zip(texts, prompts, sampled, strict=True)
        ]

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """The next message of each conversation."""
        if not conversations:
            return []
        uniforms = rng.random((len(conversations), max_tokens))
        return [completion.text for completion in self.sample(conversations, uniforms)]

    @torch.inference_mode()
    def logprob(
        self,
        conversations: Sequence[Sequence[Message]],
        responses: Sequence[str],
        *,
        batch_size: int = 256,
    ) -> np.ndarray:
        """log P(response, end of message | conversation) by teacher forcing, float64 [N].

        The response is tokenised on its own, as one way to write it: a lower bound for the
        probability of the text. Of a conversation that leaves it no room in the model's context,
        the oldest tokens are dropped.
        """
        end = self._end_id()
        tokenized = self.tokenizer(
            list(responses), add_special_tokens=False, split_special_tokens=True
        )["input_ids"]
        prompts = self.encode(conversations)
        totals = np.zeros(len(prompts))
        order = np.argsort([len(p) + len(r) for p, r in zip(prompts, tokenized, strict=True)])
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            response_ids = [[*tokenized[row], end] for row in rows]
            pairs = [
                (prompts[row][-max(1, self.context - len(ids)) :], ids)
                for row, ids in zip(rows, response_ids, strict=True)
            ]
            totals[rows] = self._logprob_batch(pairs)
        return totals

    def _refuse_foreign_tokenizer(self) -> None:
        (ids,) = self.encode([[Message(role="user", content="hello")]])
        if not ids or max(ids) >= self._vocabulary:
            raise ConfigurationError(
                f"the tokenizer of {self.tokenizer.name_or_path!r} gives the tokens {ids} for "
                f"'hello' to a model with {self._vocabulary} tokens; put the model's own "
                "tokenizer beside its weights"
            )

    def _logprob_batch(self, pairs: list[tuple[list[int], list[int]]]) -> np.ndarray:
        width = max(len(prompt) + len(response) for prompt, response in pairs)
        ids = torch.full((len(pairs), width), self.pad_id)
        scored = torch.zeros((len(pairs), width), dtype=torch.bool)
        mask = torch.zeros((len(pairs), width), dtype=torch.long)
        for row, (prompt, response) in enumerate(pairs):
            length = len(prompt) + len(response)
            ids[row, :length] = torch.tensor(prompt + response)
            mask[row, :length] = 1
            scored[row, len(prompt) : length] = True
        device = input_device(self.model)
        ids, mask, scored = ids.to(device), mask.to(device), scored.to(device)
        logits = self.model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
        if self.temperature > 0:
            logits = logits / self.temperature
        logprobs = logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
        return (logprobs * scored[:, 1:]).sum(-1).double().cpu().numpy()

    def _end_id(self) -> int:
        own = self.tokenizer.eos_token_id
        return own if own in self.eos_ids else min(self.eos_ids)


def _eos_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    configured = getattr(model.generation_config, "eos_token_id", None)
    listed = configured if isinstance(configured, list) else [configured]
    ids = frozenset(i for i in [*listed, tokenizer.eos_token_id] if i is not None)
    if not ids:
        raise ConfigurationError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no end-of-sequence token, so no "
            "message would ever end; set eos_token in its tokenizer_config.json"
        )
    return ids

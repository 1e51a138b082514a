"""A generative guard as a reward model: the probability that its verdict is safe."""

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from llm_game_env.buckets import Batch, fit, run_by_length
from llm_game_env.chat import Piece, encode_pieces
from llm_game_env.checks import brief, check_whole
from llm_game_env.errors import ConfigurationError
from llm_game_env.loading import load_pretrained
from llm_game_env.rewards.guard_formats import LLAMA_GUARD, GuardFormat
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rewards.verdict_tokens import VerdictTokens, find_verdict_tokens
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message

_LEAST_MASS = 0.01  # A guard that is asked in its own format puts nearly 1 on its verdicts.
_LEAST_DIFFERENCE = 1e-6


class _Row(NamedTuple):
    """A dialogue up to the verdict: its tokens, and the template's text after the response."""

    ids: list[int]
    ending: str


class GuardReward:
    """Scores an exchange by what a generative guard would say first, in one forward pass a batch.

    The guard's chat template is filled with the dialogue (without system messages), and the score
    is the probability of its safe verdicts at the place of the verdict, renormalised over safe and
    unsafe: Σ_safe p / (Σ_safe p + Σ_unsafe p), p the softmax of the next token (Zheng et al. 2024,
    arXiv 2406.10977, whose reward model is Llama Guard read in this way). Nothing is generated or
    parsed, so no exchange is ever dropped.

    The verdicts' tokens are found in context (`find_verdict_tokens`) and tried on a known pair of
    each kind at construction.

    Of a dialogue longer than `max_length` the oldest turns go first, then the front of the prompt;
    a response that is too long by itself loses its end. The template is kept whole.

    Args:
        path: a local folder or a hub id; weights are read from safetensors only.
        family: how this guard is asked and answers; see `guard_formats`.
        device: where the model runs.
        dtype: of its weights; as they were saved if None. The softmax is float32 in any case.
        batch_size: exchanges a forward pass.
        max_length: tokens, the template included; what the model can take at most if None.

    Attributes:
        best: 1.

    Raises:
        ConfigurationError: the model cannot be loaded; its verdicts coincide, hold next to no
            probability, or do not tell the known pairs apart; `max_length` is too short for its
            template; or an argument is out of range.
    """

    best = 1.0

    def __init__(
        self,
        path: str | PathLike[str],
        family: GuardFormat = LLAMA_GUARD,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype | None = None,
        batch_size: int = 16,
        max_length: int | None = None,
    ) -> None:
        if not isinstance(family, GuardFormat):
            raise ConfigurationError(f"family={brief(family)} must be a GuardFormat")
        self.path = str(path)
        self.batch_size = check_whole("batch_size", batch_size)
        if max_length is not None:
            max_length = check_whole("max_length", max_length)
        self._arguments = (family, dtype, batch_size, max_length)
        self._family = family
        self._model, self._tokenizer = load_pretrained(
            AutoModelForCausalLM, self.path, "causal language model"
        )
        self._model.to(device=device, dtype=dtype).eval().requires_grad_(False)
        if family.template is not None:
            self._tokenizer.chat_template = family.template
        elif not getattr(self._tokenizer, "chat_template", None):
            raise ConfigurationError(
                f"the tokenizer of reward_model={self.path!r} has no chat template, and the family "
                "has none; give a GuardFormat with template=..."
            )
        limit = getattr(self._model.config, "max_position_embeddings", None) or 4096
        self._max_length = min(max_length or limit, limit)
        self._verdicts: dict[str, VerdictTokens | None] = {}
        self._spacing = self._find_spacing()

    def to(self, device: str | torch.device) -> "GuardReward":
        """Moves the model; returns itself."""
        self._model.to(device)
        return self

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """P(safe) of N exchanges, float32 [N] in [0, 1]."""
        return self._probabilities(exchanges, self._spacing)[:, 0]

    def _probabilities(self, exchanges: Sequence[Exchange], spacing: str) -> np.ndarray:
        """float32 [N, 2]: P(safe), and how much probability the verdicts hold together."""
        if not exchanges:
            return np.zeros((0, 2), np.float32)
        rows = self._fitted([_dialogue(exchange) for exchange in exchanges], spacing)
        results = np.zeros((len(rows), 2), np.float32)
        # A template may end otherwise after more turns: each ending has verdicts of its own.
        for ending in dict.fromkeys(row.ending for row in rows):
            places = [place for place, row in enumerate(rows) if row.ending == ending]
            verdict = self._verdict(ending, spacing)
            results[places] = run_by_length(
                partial(self._run_batch, verdict=verdict),
                [rows[place].ids for place in places],
                pad_id=0,  # Masked: which token fills up a row changes nothing.
                side="left",
                batch_size=self.batch_size,
                device=self._model.device,
            )
        return results

    def _run_batch(self, batch: Batch, verdict: VerdictTokens) -> torch.Tensor:
        logits = self._model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=batch.position_ids,
            use_cache=False,
            logits_to_keep=1,
        ).logits[:, -1]
        logprobs = logits.float().log_softmax(-1)
        safe = logprobs[:, verdict.safe].logsumexp(-1)
        unsafe = logprobs[:, verdict.unsafe].logsumexp(-1)
        return torch.stack([(safe - unsafe).sigmoid(), safe.exp() + unsafe.exp()], dim=-1)

    def _fitted(self, dialogues: list[list[Message]], spacing: str) -> list[_Row]:
        """The tokens of each dialogue up to the verdict, none above the limit."""
        fitted: list[_Row] = []
        for dialogue, pieces in zip(dialogues, self._encode(dialogues), strict=True):
            row = self._with_context(pieces, spacing)
            while len(dialogue) > 2 and _length(row) > self._max_length:
                dialogue = dialogue[2:]  # Templates want user and assistant to alternate.
                row = self._with_context(self._encode([dialogue])[0], spacing)
            ids = [token for piece in fit(row, self._max_length) for token in piece.ids]
            fitted.append(_Row(ids, row[-1].text))
        return fitted

    def _encode(self, dialogues: list[list[Message]]) -> list[list[Piece]]:
        return encode_pieces(
            self._tokenizer,
            dialogues,
            add_generation_prompt=self._family.add_generation_prompt,
            variables=self._family.variables,
        )

    def _verdict_or_none(self, ending: str, spacing: str) -> VerdictTokens | None:
        family = self._family
        before = ending + spacing + family.answer
        if before not in self._verdicts:  # A template has few endings, and every row asks.
            found = find_verdict_tokens(self._tokenizer, before, family.safe, family.unsafe)
            self._verdicts[before] = found
        return self._verdicts[before]

    def _verdict(self, ending: str, spacing: str) -> VerdictTokens:
        verdict, family = self._verdict_or_none(ending, spacing), self._family
        if verdict is None:
            raise ConfigurationError(
                f"the tokenizer of reward_model={self.path!r} does not tell the verdicts "
                f"{family.safe} and {family.unsafe} apart after "
                f"{ending[-20:] + spacing + family.answer!r}; give a GuardFormat whose "
                "verdicts begin with different tokens"
            )
        return verdict

    def _with_context(self, row: list[Piece], spacing: str) -> list[Piece]:
        verdict = self._verdict(row[-1].text, spacing)
        return [*row[:-1], row[-1]._replace(ids=verdict.context)]

    def _find_spacing(self) -> str:
        """The spacing under which the verdicts hold the most; tried on the known pairs."""
        pairs = [
            Exchange(Seed(pair.prompt), (), pair.prompt, pair.response)
            for pair in (self._family.known_safe, self._family.known_unsafe)
        ]
        encoded = self._encode([_dialogue(pair) for pair in pairs])
        self._check_contents(encoded)
        spacings = self._family.spacings
        usable = [each for each in spacings if self._verdict_or_none(encoded[0][-1].text, each)]
        tried = {each: self._probabilities(pairs, each) for each in usable or spacings[:1]}
        best = max(tried, key=lambda each: float(tried[each][:, 1].min()))
        (safe, _), (unsafe, _) = tried[best].tolist()
        mass = float(tried[best][:, 1].min())
        if not safe > unsafe + _LEAST_DIFFERENCE:
            raise ConfigurationError(
                f"reward_model={self.path!r} gives a known safe exchange P(safe) = {safe:.6f} and "
                f"a known unsafe one {unsafe:.6f}; give the family=... that this guard belongs to, "
                "or a GuardFormat with known pairs that it was made for"
            )
        if not mass >= _LEAST_MASS:
            raise ConfigurationError(
                f"reward_model={self.path!r} puts only {mass:.1e} on the verdicts "
                f"{self._family.safe} and {self._family.unsafe}; give the family=... that this "
                "guard belongs to, or a GuardFormat with the answer=... that it writes first"
            )
        return best

    def _check_contents(self, encoded: list[list[Piece]]) -> None:
        for row in encoded:
            if [piece.message for piece in row if piece.message is not None] != [0, 1]:
                raise ConfigurationError(
                    f"the chat template of reward_model={self.path!r} does not show the prompt and "
                    "the response once each; give a GuardFormat with template=..."
                )
            verdict = self._verdict_or_none(row[-1].text, self._family.spacings[-1])
            fixed = sum(len(piece.ids) for piece in row[:-1] if piece.message is None)
            fixed += len(verdict.context if verdict else row[-1].ids)
            if fixed >= self._max_length:
                raise ConfigurationError(
                    f"max_length={self._max_length} must be more than the {fixed} tokens of the "
                    f"template of reward_model={self.path!r}"
                )

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt from its path, not from a copy of its weights.
        return _rebuild, (type(self), self.path, str(self._model.device), self._arguments)


def _rebuild(
    kind: type[GuardReward], path: str, device: str, arguments: tuple[Any, ...]
) -> GuardReward:
    family, dtype, batch_size, max_length = arguments
    # Past the constructors of subclasses, which fix some of these arguments.
    model = kind.__new__(kind)
    GuardReward.__init__(
        model,
        path,
        family,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        max_length=max_length,
    )
    return model


def _dialogue(exchange: Exchange) -> list[Message]:
    """The turns of user and assistant, beginning with the user's."""
    messages = [each for each in exchange.messages if each["role"] != "system"]
    return messages[1:] if messages[0]["role"] == "assistant" else messages


def _length(row: list[Piece]) -> int:
    return sum(len(piece.ids) for piece in row)

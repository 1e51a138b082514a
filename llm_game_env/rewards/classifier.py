"""Any Hugging Face sequence classifier as a reward model."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification

from llm_game_env.buckets import Batch, fit, run_by_length
from llm_game_env.chat import encode_pieces
from llm_game_env.checks import check_choice, check_finite, check_whole
from llm_game_env.errors import ConfigurationError
from llm_game_env.loading import input_device, load_pretrained, placement
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rewards.text_pair import PairLayout, encode_pairs, find_layout

Layout = Literal["auto", "chat", "pair"]

BATCH_SIZE = 64


class ClassifierReward:
    """Scores an exchange by a sequence classifier over the whole dialogue.

    A model with one output is taken as a scalar reward head: the score is the logit. A model with
    several is taken as a classifier: the score is the probability of `label`.

    Of a dialogue longer than `max_length` the oldest messages go first, each from its front, so
    that the response is kept; one that is too long by itself loses its end.

    Args:
        path: a local folder or a hub id; weights are read from safetensors only.
        label: the class whose probability is the score, by the name in the model's `id2label`;
            needed where the model has more than one output.
        best: the highest score, which a forfeited exchange pays the defender: 1 for a
            probability; needed for a scalar head, which declares none.
        device: where the model runs; the CPU by default.
        device_map: spreads it over devices, or to memory and disk, in place of `device`; see
            `CausalLMPlayer.load`.
        dtype: of its weights; as they were saved if None. Scores are float32 in any case.
        batch_size: exchanges a forward pass.
        max_length: tokens; what the model can take at most if None.
        layout: "chat" fills the tokenizer's chat template, "pair" hands over the dialogue up to
            the response and the response as two texts; "auto" is a pair where the tokenizer has
            no chat template, but a separator for pairs.

    Raises:
        ConfigurationError: the model cannot be loaded, has the wrong labels, or no padding token;
            or an argument is out of range.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        label: str | None = None,
        best: float | None = None,
        device: str | torch.device | None = None,
        device_map: str | Mapping[str, int | str] | None = None,
        dtype: torch.dtype | None = None,
        batch_size: int = BATCH_SIZE,
        max_length: int | None = None,
        layout: Layout = "auto",
    ) -> None:
        self.path = str(path)
        self.batch_size = check_whole("batch_size", batch_size)
        if max_length is not None:
            max_length = check_whole("max_length", max_length)
        check_choice("layout", layout, ("auto", "chat", "pair"))
        self._arguments = (label, best, dtype, batch_size, max_length, layout)
        self._device_map = device_map
        options = placement(device, device_map)
        if options and dtype is not None:
            options["dtype"] = dtype
        self._model, self._tokenizer = load_pretrained(
            AutoModelForSequenceClassification, self.path, "sequence classifier", **options
        )
        if device_map is None:
            self._model.to(device=device or "cpu", dtype=dtype)
        self._model.eval().requires_grad_(False)
        # Decoders would keep the keys and values of tokens that nothing follows.
        self._model.config.use_cache = False
        self._label_index = self._find_label(label)
        self.best = self._find_best(best)
        self._pad_id = self._find_pad_id()
        self._pair = self._find_pair(layout)
        self._takes_types = getattr(self._model.config, "type_vocab_size", 0) > 1
        limit = getattr(self._model.config, "max_position_embeddings", None) or 4096
        # RoBERTa's first positions are padding: only the tokenizer knows how many are left.
        limit = min(limit, self._tokenizer.model_max_length)
        self._max_length = min(max_length or limit, limit)

    def to(self, device: str | torch.device) -> "ClassifierReward":
        """Moves the model; returns itself.

        Raises:
            ConfigurationError: it was spread by a device map.
        """
        if self._device_map is not None:
            raise ConfigurationError(
                f"reward_model={self.path!r} is spread by device_map={self._device_map!r} and "
                "cannot be moved; make it anew with a device"
            )
        self._model.to(device)
        return self

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Scores, float32 [N]: the logit of a scalar head, or P(label) in [0, 1]."""
        if self._pair is None:
            chats = [exchange.messages for exchange in exchanges]
            dialogues = encode_pieces(self._tokenizer, chats, add_generation_prompt=False)
        else:
            dialogues = encode_pairs(self._tokenizer, self._pair, exchanges)
        rows = [fit(pieces, self._max_length) for pieces in dialogues]
        return run_by_length(
            self._score_batch,
            [[token for piece in row for token in piece.ids] for row in rows],
            types=None if self._pair is None else [self._pair.types_of(row) for row in rows],
            pad_id=self._pad_id,
            side="right",
            batch_size=self.batch_size,
            device=input_device(self._model),
        )

    def _score_batch(self, batch: Batch) -> torch.Tensor:
        types = {"token_type_ids": batch.token_type_ids} if self._takes_types else {}
        # Padded on the right, rows need no positions of their own; RoBERTa counts them otherwise.
        logits = self._model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, **types
        ).logits.float()
        if self._label_index is None:
            return logits[:, 0]
        if self._model.config.problem_type == "multi_label_classification":
            return logits.sigmoid()[:, self._label_index]
        return logits.softmax(-1)[:, self._label_index]

    def _find_pair(self, layout: Layout) -> PairLayout | None:
        has_template = bool(getattr(self._tokenizer, "chat_template", None))
        if layout == "chat" or (layout == "auto" and has_template):
            return None
        pair = find_layout(self._tokenizer)
        if pair is None and layout == "pair":
            raise ConfigurationError(
                f"layout='pair', but the tokenizer of reward_model={self.path!r} sets nothing "
                "between two texts; use layout='chat'"
            )
        return pair

    def _find_label(self, label: str | None) -> int | None:
        names: dict[int, str] = self._model.config.id2label
        if len(names) == 1 and label is None:
            return None
        for index, name in names.items():
            if name == label and len(names) > 1:  # the probability of a lone class is always 1
                return index
        remedy = "leave it out: one output is taken as a scalar"
        if len(names) > 1:
            remedy = "give the one whose probability is the score"
        raise ConfigurationError(
            f"reward_model={self.path!r} has the labels {list(names.values())}, got "
            f"label={label!r}; {remedy}"
        )

    def _find_best(self, best: float | None) -> float:
        if best is None and self._label_index is None:
            raise ConfigurationError(
                f"reward_model={self.path!r} is a scalar head, which has no highest score; give "
                "best=..., what a forfeited exchange pays the defender"
            )
        return 1.0 if best is None else check_finite("best", best)

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt from its path, not from a copy of its weights.
        device = None if self._device_map is not None else str(self._model.device)
        place = (device, self._device_map)
        return _rebuild, (type(self), self.path, place, self._arguments)

    def _find_pad_id(self) -> int:
        config, tokenizer = self._model.config, self._tokenizer
        size = self._model.get_input_embeddings().num_embeddings
        for pad_id in (config.pad_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id):
            if pad_id is not None and pad_id < size:
                # Classifiers on decoders look for it to find the last real token.
                config.pad_token_id = pad_id
                return int(pad_id)
        raise ConfigurationError(
            f"reward_model={self.path!r} has neither a padding nor an end-of-sequence token; "
            "set pad_token in its tokenizer_config.json"
        )


def _rebuild(
    kind: type[ClassifierReward],
    path: str,
    place: tuple[str | None, str | Mapping[str, int | str] | None],
    arguments: tuple[Any, ...],
) -> ClassifierReward:
    label, best, dtype, batch_size, max_length, layout = arguments
    # Past the constructors of subclasses, which fix some of these arguments.
    model = kind.__new__(kind)
    ClassifierReward.__init__(
        model,
        path,
        label=label,
        best=best,
        device=place[0],
        device_map=place[1],
        dtype=dtype,
        batch_size=batch_size,
        max_length=max_length,
        layout=layout,
    )
    return model

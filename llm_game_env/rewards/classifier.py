"""Any Hugging Face sequence classifier as a reward model."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification

from llm_game_env.chat import encode_chats
from llm_game_env.errors import ConfigurationError
from llm_game_env.loading import load_pretrained
from llm_game_env.rewards.protocol import Exchange


class ClassifierReward:
    """Scores an exchange by a sequence classifier over the whole dialogue.

    A model with one output is taken as a scalar reward head: the score is the logit. A model with
    several is taken as a classifier: the score is the probability of `label`.

    Args:
        path: a local folder or a hub id; weights are read from safetensors only.
        label: the class whose probability is the score, by the name in the model's `id2label`;
            needed where the model has more than one output.
        best: the highest score, which a forfeited exchange pays the defender: 1 for a
            probability; needed for a scalar head, which declares none.
        device: where the model runs.
        batch_size: exchanges a forward pass.
        max_length: tokens; of a longer dialogue the end is kept, which holds the response.

    Raises:
        ConfigurationError: the model cannot be loaded, has the wrong labels, or no padding token.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        label: str | None = None,
        best: float | None = None,
        device: str | torch.device = "cpu",
        batch_size: int = 64,
        max_length: int | None = None,
    ) -> None:
        self.path = str(path)
        self._arguments = (label, best, batch_size, max_length)
        self.batch_size = batch_size
        self._model, self._tokenizer = load_pretrained(
            AutoModelForSequenceClassification, self.path, "sequence classifier"
        )
        self._model.to(device).eval().requires_grad_(False)
        self._label_index = self._find_label(label)
        self.best = self._find_best(best)
        self._pad_id = self._find_pad_id()
        limit = getattr(self._model.config, "max_position_embeddings", None) or 4096
        # RoBERTa's first positions are padding: only the tokenizer knows how many are left.
        limit = min(limit, self._tokenizer.model_max_length)
        self._max_length = min(max_length or limit, limit)

    def to(self, device: str | torch.device) -> "ClassifierReward":
        """Moves the model; returns itself."""
        self._model.to(device)
        return self

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Scores, float32 [N]: the logit of a scalar head, or P(label) in [0, 1]."""
        chats = [exchange.messages for exchange in exchanges]
        ids = encode_chats(self._tokenizer, chats, add_generation_prompt=False)
        ids = [row[-self._max_length :] for row in ids]
        # Rows of like length share a batch: next to no padding is computed.
        order = np.argsort([len(row) for row in ids], kind="stable")
        scores = np.zeros(len(ids), dtype=np.float32)
        for start in range(0, len(ids), self.batch_size):
            rows = order[start : start + self.batch_size]
            scores[rows] = self._score_batch([ids[row] for row in rows])
        return scores

    @torch.inference_mode()
    def _score_batch(self, ids: list[list[int]]) -> np.ndarray:
        width = max(len(row) for row in ids)
        input_ids = torch.tensor([row + [self._pad_id] * (width - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
        device = self._model.device
        logits = self._model(
            input_ids=input_ids.to(device), attention_mask=mask.to(device)
        ).logits.float()
        if self._label_index is None:
            return logits[:, 0].cpu().numpy()
        if self._model.config.problem_type == "multi_label_classification":
            return logits.sigmoid()[:, self._label_index].cpu().numpy()
        return logits.softmax(-1)[:, self._label_index].cpu().numpy()

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
        return 1.0 if best is None else best

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt from its path, not from a copy of its weights.
        return _rebuild, (type(self), self.path, str(self._model.device), self._arguments)

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
    kind: type[ClassifierReward], path: str, device: str, arguments: tuple[Any, ...]
) -> ClassifierReward:
    label, best, batch_size, max_length = arguments
    # Past the constructors of subclasses, which fix some of these arguments.
    model = kind.__new__(kind)
    ClassifierReward.__init__(
        model,
        path,
        label=label,
        best=best,
        device=device,
        batch_size=batch_size,
        max_length=max_length,
    )
    return model

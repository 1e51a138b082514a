"""A SentenceTransformer whose texts share batches by length, as those of all local models do."""

from typing import Any, NamedTuple

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from llm_game_env.buckets import Batch, run_by_length

BATCH_SIZE = 64
_TOKENISED = 1024
"""Texts tokenised at once: each is padded to the longest of them before padding is cut off."""

_AFTER_THE_TRANSFORMER = ("Pooling", "Normalize", "Dense")
_OF_A_TEXT = ("input_ids", "attention_mask", "token_type_ids")
_OF_ALL_TEXTS = ("modality", "prompt_length")


class _Tokens(NamedTuple):
    """Texts as the model's tokenizer gives them, without padding.

    Attributes:
        rows: the ids of each text.
        types: the token types of each text; None where the model takes none.
        common: what its modules are told about all texts.
    """

    rows: list[list[int]]
    types: list[list[int]] | None
    common: dict[str, Any]


class BatchedEncoder:
    """Encodes as `SentenceTransformer.encode` does, to rounding, computing next to no padding.

    The model tokenises, runs and pools with its own modules, on its device and in its type: with
    its `max_seq_length`, `default_prompt_name` and `truncate_dim`. Only the batches are others:
    `encode` sorts texts by characters and cuts them every so many, `run_by_length` sorts by tokens.

    Any other model is handed to its own `encode`: static embeddings, images, decoders padded on
    the left, flash attention without padding.

    Args:
        model: stays the caller's, and may be changed between two calls.
        batch_size: texts a forward pass, at most.
    """

    def __init__(self, model: SentenceTransformer, batch_size: int = BATCH_SIZE) -> None:
        self.model = model
        self.batch_size = batch_size

    def encode(self, sentences: list[str], /) -> np.ndarray:
        """Embeddings, float32 [N, D]; [0] where there are no texts."""
        tokens = self._tokenise(sentences) if _is_text_transformer(self.model) else None
        if tokens is None:
            return np.asarray(self.model.encode(sentences, batch_size=self.batch_size))

        def run(batch: Batch) -> torch.Tensor:
            features = tokens.common | {
                "input_ids": batch.input_ids,
                "attention_mask": batch.attention_mask,
            }
            if tokens.types is not None:
                features["token_type_ids"] = batch.token_type_ids
            return self.model(features)["sentence_embedding"][:, : self.model.truncate_dim]

        self.model.eval()
        return run_by_length(
            run,
            tokens.rows,
            types=tokens.types,
            pad_id=self.model.tokenizer.pad_token_id,
            side="right",
            batch_size=self.batch_size,
            device=self.model.device,
        )

    def _tokenise(self, texts: list[str]) -> _Tokens | None:
        """None where the model makes something else of texts than rows padded on the right."""
        prompt = self.model.prompts.get(self.model.default_prompt_name or "")
        rows: list[list[int]] = []
        types: list[list[int]] = []
        common: dict[str, Any] = {}
        for start in range(0, len(texts), _TOKENISED):
            features = self.model.preprocess(texts[start : start + _TOKENISED], prompt=prompt)
            if not _is_padded_on_the_right(features):
                return None
            lengths = features["attention_mask"].sum(dim=1).tolist()
            for name, of_texts in (("input_ids", rows), ("token_type_ids", types)):
                values = features[name].tolist() if name in features else []
                of_texts += [row[:length] for row, length in zip(values, lengths, strict=False)]
            common = {name: features[name] for name in _OF_ALL_TEXTS if name in features}
        return _Tokens(rows, types or None, common)


def _is_text_transformer(model: SentenceTransformer) -> bool:
    """Whether it is a transformer, pooling, and what works on each pooled vector by itself."""
    modules = list(model)
    # `preprocess` is there since 5.4. By name: releases keep these classes in different places.
    return (
        hasattr(model, "preprocess")
        and all(type(module).__module__.startswith("sentence_transformers.") for module in modules)
        and [type(module).__name__ for module in modules[:2]] == ["Transformer", "Pooling"]
        and all(type(module).__name__ in _AFTER_THE_TRANSFORMER for module in modules[2:])
        and getattr(model.tokenizer, "pad_token_id", None) is not None
    )


def _is_padded_on_the_right(features: dict[str, Any]) -> bool:
    if "attention_mask" not in features or set(features) - {*_OF_A_TEXT, *_OF_ALL_TEXTS}:
        return False
    mask = features["attention_mask"]
    return features["input_ids"].shape == mask.shape and bool((mask.diff(dim=1) <= 0).all())

"""How varied an adversary's prompts are, by every measure there is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_game_env.diversity import (
    Encoder,
    distinct_ngrams,
    diversity_embedding,
    diversity_selfbleu,
    duplicate_share,
    vendi_score,
)
from llm_game_env.encoders import unit_embeddings


@dataclass(frozen=True)
class PromptDiversity:
    """How varied a set of prompts is; more is more varied, but for the duplicates.

    Compare sets of one size: all but the first two depend on it.

    Attributes:
        selfbleu: 1 - SelfBLEU among them, in [0, 1], see `diversity_selfbleu`.
        embedding: 1 - half the mean cosine, in [0.5, 1.5], see `diversity_embedding`; None
            without an encoder.
        distinct_2: different bigrams as a share of all bigrams, in [0, 1].
        vendi: how many different prompts there are in effect, see `vendi_score`; None without an
            encoder.
        duplicates: share of prompts that repeat an earlier one, in [0, 1).
        num_prompts: how many there are.
    """

    selfbleu: float
    embedding: float | None
    distinct_2: float
    vendi: float | None
    duplicates: float
    num_prompts: int


def prompt_diversity(prompts: Sequence[str], encoder: Encoder | None = None) -> PromptDiversity:
    """All measures of some prompts.

    Raises:
        ConfigurationError: for fewer than two prompts.
    """
    return PromptDiversity(
        selfbleu=diversity_selfbleu(prompts),
        embedding=None if encoder is None else diversity_embedding(prompts, encoder),
        distinct_2=distinct_ngrams(prompts, 2),
        vendi=None if encoder is None else vendi_score(prompts, encoder),
        duplicates=duplicate_share(prompts),
        num_prompts=len(prompts),
    )


def embedded_once(encoder: Encoder, texts: Sequence[str]) -> Encoder:
    """An encoder that knows some texts already, for measuring many sets of them.

    Raises:
        RewardError: the encoder returned another shape, or a number that is not finite.
    """
    different = list(dict.fromkeys(texts))
    vectors = dict(zip(different, unit_embeddings(encoder, different), strict=True))
    return lambda wanted: np.stack([vectors[text] for text in wanted])

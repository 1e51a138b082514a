"""Likeness of a text to earlier ones, which the adversary pays for, and reported diversity."""

from llm_game_env.diversity.combined import Diversity, Likeness
from llm_game_env.diversity.embedding import EmbeddingSimilarity
from llm_game_env.diversity.metrics import (
    distinct_ngrams,
    diversity_embedding,
    diversity_selfbleu,
    duplicate_share,
    vendi_score,
)
from llm_game_env.diversity.minilm import load_minilm
from llm_game_env.diversity.self_bleu import References, SelfBLEU
from llm_game_env.diversity.words import split_words
from llm_game_env.encoders import Encoder, TextEncoder

__all__ = [
    "Diversity",
    "EmbeddingSimilarity",
    "Encoder",
    "Likeness",
    "References",
    "SelfBLEU",
    "TextEncoder",
    "distinct_ngrams",
    "diversity_embedding",
    "diversity_selfbleu",
    "duplicate_share",
    "load_minilm",
    "split_words",
    "vendi_score",
]

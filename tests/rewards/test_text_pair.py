"""Exchanges as text pairs, against the tokenizer's own pairs through the stock model."""

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tokenizers import processors
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards import ClassifierReward, Exchange
from llm_game_env.seeds import Seed

LABELS = ["bad", "good"]


def exchange(prompt: str, response: str) -> Exchange:
    return Exchange(Seed("seed"), (), prompt, response)


EXCHANGES = [
    exchange("tell me a joke", "no"),
    exchange("how are you", "fine " * 9),
    exchange("a", ""),
    exchange("", "the cat"),
    exchange("how", "you are the cat"),
]


@pytest.fixture
def pair_path(word_tokenizer: PreTrainedTokenizerFast, save_classifier: Callable[..., str]) -> str:
    """A BERT classifier whose tokenizer knows pairs and no chat."""
    word_tokenizer.chat_template = None
    word_tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A <|im_end|>",
        pair="<|im_start|>:0 $A:0 <|im_end|>:0 $B:1 <|im_end|>:1",
        special_tokens=[("<|im_start|>", 2), ("<|im_end|>", 3)],
    )
    return save_classifier("bert", word_tokenizer, LABELS)


def stock(path: str, prompt: str, response: str) -> float:
    """P(good) of one pair, in a batch of one: a single call drops an empty second text."""
    model = AutoModelForSequenceClassification.from_pretrained(path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    pair = tokenizer([prompt], [response], return_tensors="pt", return_token_type_ids=True)
    with torch.inference_mode():
        return float(model(**pair).logits.softmax(-1)[0, 1])


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_a_pair_scores_as_the_tokenizers_own(pair_path: str, batch_size: int) -> None:
    expected = [stock(pair_path, each.prompt, each.response) for each in EXCHANGES]
    assert np.ptp(expected) > 1e-3
    model = ClassifierReward(pair_path, label="good", batch_size=batch_size)
    np.testing.assert_allclose(model.score(EXCHANGES), expected, atol=1e-5)
    np.testing.assert_allclose(model.score(EXCHANGES[::-1]), expected[::-1], atol=1e-5)


def test_what_is_cut_of_a_pair_is_the_front_of_the_prompt(pair_path: str) -> None:
    model = ClassifierReward(pair_path, label="good", max_length=8)
    # Three special tokens and four of the response leave one for the prompt.
    score = model.score([exchange("tell me " * 9, "a joke about the")])
    np.testing.assert_allclose(score, [stock(pair_path, "me", "a joke about the")], atol=1e-5)


def test_the_layout_can_be_chosen(pair_path: str) -> None:
    pair, chat = (
        ClassifierReward(pair_path, label="good", layout=layout) for layout in ("pair", "chat")
    )
    assert np.abs(pair.score(EXCHANGES) - chat.score(EXCHANGES)).max() > 1e-4


def test_a_tokenizer_that_sets_nothing_between_two_texts_has_no_pairs(
    word_tokenizer: PreTrainedTokenizerFast, save_classifier: Callable[..., str]
) -> None:
    word_tokenizer.chat_template = None
    path = save_classifier("gpt2", word_tokenizer, LABELS)
    auto, chat = (ClassifierReward(path, label="good", layout=how) for how in ("auto", "chat"))
    np.testing.assert_array_equal(auto.score(EXCHANGES), chat.score(EXCHANGES))
    with pytest.raises(ConfigurationError, match="sets nothing"):
        ClassifierReward(path, label="good", layout="pair")


def test_the_dtype_is_that_of_the_weights_and_not_of_the_scores(pair_path: str) -> None:
    half = ClassifierReward(pair_path, label="good", dtype=torch.bfloat16)
    scores = half.score(EXCHANGES)
    assert scores.dtype == np.float32
    full = ClassifierReward(pair_path, label="good").score(EXCHANGES)
    assert 0 < np.abs(scores - full).max() < 0.02
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(half)).score(EXCHANGES), scores)

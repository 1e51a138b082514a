"""Embeddings beside those of SentenceTransformer.encode, on tiny models with random weights."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Dropout,
    Normalize,
    Pooling,
    Transformer,
)
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from llm_game_env.batched_encoder import BatchedEncoder
from llm_game_env.diversity import EmbeddingSimilarity
from llm_game_env.encoders import unit_embeddings
from llm_game_env.gatekeeper.world import load_world

ARCHITECTURES = {"bert": (BertConfig, BertModel), "roberta": (RobertaConfig, RobertaModel)}
LIMIT = 12  # tokens
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
TEXTS = ["the cat", "", "tell me a joke about the cat", "no", "the cat", "yes", "how are you fine"]
TEXTS += [" ".join(["joke"] * n) for n in (1, 4, 9, 10, 11, 30)]

Make = Callable[..., SentenceTransformer]


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, word_tokenizer: PreTrainedTokenizerFast) -> Make:
    """A SentenceTransformer of a given architecture and the modules behind it."""

    def build(
        *behind: torch.nn.Module, kind: str = "bert", side: str = "right", **options: Any
    ) -> SentenceTransformer:
        tokenizer = word_tokenizer
        tokenizer.chat_template = None
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="<|im_start|> $A <|im_end|>",
            special_tokens=[("<|im_start|>", 2), ("<|im_end|>", 3)],
        )
        tokenizer.padding_side = side
        config_type, network = ARCHITECTURES[kind]
        config = config_type(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=40,
            pad_token_id=0,
            initializer_range=0.5,
        )
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp("model")
        network(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        transformer = Transformer(str(folder))
        model = SentenceTransformer(
            modules=[transformer, *(behind or (Pooling(16),))], device="cpu", **options
        )
        model.max_seq_length = LIMIT
        return model

    return build


def stock(model: SentenceTransformer, texts: Sequence[str]) -> np.ndarray:
    """Each text by itself: no batch, no padding."""
    return np.concatenate([model.encode([text]) for text in texts])


@pytest.fixture
def without_stock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and the stock `encode` fails from then on."""

    def forbid(*_: object, **__: object) -> None:
        raise AssertionError("the stock encode was called")

    return lambda: monkeypatch.setattr(SentenceTransformer, "encode", forbid)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("mode", [*MODES, ("mean", "max")])
def test_equals_the_stock_encode(
    kind: str, mode: Any, make: Make, without_stock: Callable[[], None]
) -> None:
    model = make(Pooling(16, mode), kind=kind)
    alone, together = stock(model, TEXTS), model.encode(TEXTS, batch_size=64)
    without_stock()
    ours = BatchedEncoder(model).encode(TEXTS)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours, together, rtol=0, atol=1e-5)
    # Otherwise equality would say nothing.
    assert np.ptp(ours, axis=0).min() > 0.01
    # Ten words fill the limit, so that what follows is cut off.
    np.testing.assert_allclose(ours[-1], ours[-3], rtol=0, atol=1e-5)
    if mode != "max":
        assert np.abs(ours[-4] - ours[-1]).max() > 1e-3


@pytest.mark.parametrize("include_prompt", [True, False])
def test_prompt_dense_normalize_and_truncated_vectors(
    include_prompt: bool, make: Make, without_stock: Callable[[], None]
) -> None:
    model = make(
        Pooling(16, "mean", include_prompt=include_prompt),
        Dense(16, 12),
        Normalize(),
        prompts={"ask": "tell me "},
        default_prompt_name="ask",
        truncate_dim=5,
    )
    expected = stock(model, TEXTS)
    unprompted = model.encode(TEXTS, prompt="")
    without_stock()
    ours = BatchedEncoder(model).encode(TEXTS)
    assert ours.shape == (len(TEXTS), 5)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)
    assert np.abs(ours - unprompted).max() > 1e-3


@given(
    texts=st.lists(
        st.lists(st.sampled_from(["the", "cat", "joke", "no", "yes"]), max_size=14).map(" ".join),
        min_size=1,
        max_size=12,
    ),
    batch_size=st.integers(1, 13),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_neither_batch_size_nor_order_nor_company_matters(
    texts: list[str], batch_size: int, random: Any, shared: SentenceTransformer
) -> None:
    order = random.sample(range(len(texts)), len(texts))
    ours = BatchedEncoder(shared, batch_size).encode([texts[place] for place in order])
    np.testing.assert_allclose(ours, stock(shared, texts)[order], rtol=0, atol=1e-5)


@pytest.fixture
def shared(make: Make) -> SentenceTransformer:
    return make()


def test_more_texts_than_are_tokenised_at_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    monkeypatch.setattr("llm_game_env.batched_encoder._TOKENISED", 3)
    np.testing.assert_allclose(
        BatchedEncoder(model).encode(TEXTS), stock(model, TEXTS), rtol=0, atol=1e-5
    )


def test_training_mode_and_type_of_the_model(make: Make) -> None:
    model = make()
    expected = stock(model, TEXTS)
    model.train()
    np.testing.assert_allclose(BatchedEncoder(model).encode(TEXTS), expected, rtol=0, atol=1e-5)
    model.bfloat16()
    rounded = BatchedEncoder(model).encode(TEXTS)
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, expected, rtol=0, atol=0.2)
    assert np.abs(rounded - expected).max() > 1e-4


def test_other_models_encode_by_themselves(make: Make) -> None:
    padded_left, dropping = make(side="left"), make(Pooling(16), Dropout(0.5))
    for model in (load_world().encoder, padded_left, dropping):
        expected = model.encode(TEXTS)
        np.testing.assert_allclose(BatchedEncoder(model).encode(TEXTS), expected, rtol=0, atol=1e-5)
    assert BatchedEncoder(padded_left).encode([]).shape == (0,)


def test_every_user_of_an_encoder_has_it(make: Make, without_stock: Callable[[], None]) -> None:
    model = make(Pooling(16), Normalize())
    expected = stock(model, TEXTS)
    without_stock()
    np.testing.assert_allclose(unit_embeddings(model, TEXTS), expected, rtol=0, atol=1e-5)
    measure = EmbeddingSimilarity(model)
    measure.add(TEXTS[2:3])
    np.testing.assert_allclose(measure.score(TEXTS), expected @ expected[2], rtol=0, atol=1e-5)


def test_a_subclass_encodes_in_its_own_way(make: Make) -> None:
    class Own(SentenceTransformer):
        def encode(self, sentences: list[str]) -> np.ndarray:  # pyright: ignore
            return np.tile([3.0, 4.0], (len(sentences), 1))

    vectors = unit_embeddings(Own(modules=list(make()), device="cpu"), ["a", "b"])
    np.testing.assert_allclose(vectors, [[0.6, 0.8]] * 2)

"""Shared by all tests: one torch thread, and tiny tokenizers and models with random weights."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
)
from transformers.utils import logging

from http_endpoint import HTTPEndpoint, serving
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.vector import VectorGame

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WORDS = "user assistant system tell me a joke about the cat no yes how are you fine < | > / . ,"
SPECIAL = ["<pad>", "<unk>", "<|im_start|>", "<|im_end|>"]

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(autouse=True, scope="session")
def _quiet_and_single_threaded() -> Iterator[None]:
    """Tiny models are slower on several threads; bars and reports of transformers say nothing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    yield
    torch.set_num_threads(threads)


def _fast(tokenizer: Tokenizer, chat_template: str | None) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=chat_template,
    )


@pytest.fixture
def word_tokenizer() -> PreTrainedTokenizerFast:
    """Words between spaces, ChatML; its vocabulary holds the special tokens as words."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS.split()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _fast(tokenizer, CHATML)


@pytest.fixture
def byte_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE, as GPT-2 and Qwen have it, with ChatML."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        show_progress=False,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([WORDS] * 3, trainer)
    return _fast(tokenizer, CHATML)


@pytest.fixture
def unigram_tokenizer() -> PreTrainedTokenizerFast:
    """Unigram, whose vocabulary holds the special tokens as pieces of the highest score."""
    pieces = [(piece, 0.0) for piece in SPECIAL]
    pieces += [(letter, -3.0) for letter in "▁abcdefghijklmnopqrstuvwxyzAU<|>_/.:"]
    tokenizer = Tokenizer(models.Unigram(pieces, 1))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    return _fast(tokenizer, CHATML)


@pytest.fixture(params=["word", "byte", "unigram"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    """Each of the three kinds in turn."""
    return request.getfixturevalue(f"{request.param}_tokenizer")


def score_in_response(exchanges: Sequence[Exchange]) -> list[float]:
    """The score that the response spells: "0.25" is worth 0.25."""
    return [float(exchange.response) for exchange in exchanges]


def letters(texts: Sequence[str]) -> np.ndarray:
    """How often each of a … z occurs: "a" is like "a" (1) and unlike "b" (0)."""
    return np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)


@pytest.fixture
def reward() -> FunctionReward:
    """The defender writes its own score; the best is 2."""
    return FunctionReward(score_in_response, best=2.0)


@pytest.fixture
def letter_likeness() -> Diversity:
    """Twice the mean cosine of letter counts to the history."""
    return Diversity(embedding=2.0, encoder=letters)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., HTTPEndpoint]]:
    """`serve(reply)`: an endpoint on this machine, with short pauses, and no key that is set."""
    monkeypatch.setattr("llm_game_env.endpoint._FIRST_PAUSE", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:
        yield lambda reply: stack.enter_context(serving(reply))


@pytest.fixture
def make_games(reward: FunctionReward) -> Callable[..., VectorGame]:
    """`make_games(num_envs, **arguments)`: the vector view on three seed prompts, not reset."""

    def make(num_envs: int, **arguments: Any) -> VectorGame:
        defaults: dict[str, Any] = {"seed_prompts": ["s0", "s1", "s2"], "reward_model": reward}
        return red_team_v0.vector_env(num_envs, **(defaults | arguments))

    return make


@pytest.fixture
def make_env(reward: FunctionReward) -> Callable[..., Any]:
    """`make_env(**arguments)`: the AEC view on the same game, not reset."""

    def make(**arguments: Any) -> Any:
        defaults: dict[str, Any] = {"seed_prompts": ["s0", "s1", "s2"], "reward_model": reward}
        return red_team_v0.env(**(defaults | arguments))

    return make


_SHARED: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
_GATED = _SHARED | {"intermediate_size": 32, "num_key_value_heads": 1}
_SLIDING = _GATED | {"head_dim": 8, "sliding_window": 4}
_LANGUAGE_MODELS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "gpt2": (GPT2Config, GPT2LMHeadModel, {"n_layer": 2, "n_head": 2, "n_embd": 16}),
    "llama": (LlamaConfig, LlamaForCausalLM, _GATED),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, _GATED),
    # Every other layer sees four tokens back: its cache is of another kind.
    "gemma2": (Gemma2Config, Gemma2ForCausalLM, _SLIDING),
}
_CLASSIFIERS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "gpt2": (GPT2Config, GPT2ForSequenceClassification, _LANGUAGE_MODELS["gpt2"][2]),
    "llama": (LlamaConfig, LlamaForSequenceClassification, _GATED),
    "bert": (BertConfig, BertForSequenceClassification, _SHARED | {"intermediate_size": 32}),
    "roberta": (
        RobertaConfig,
        RobertaForSequenceClassification,
        _SHARED | {"intermediate_size": 32},
    ),
}


def _build(
    kind: tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]], **options: Any
) -> Any:
    config_class, model_class, shape = kind
    # Weights ten times the usual size: random models should have opinions.
    ids = {"bos_token_id": None, "eos_token_id": 3, "pad_token_id": 0}
    config = config_class(**(shape | ids | {"initializer_range": 0.2} | options))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return model_class(config).eval()


@pytest.fixture(scope="session")
def make_lm() -> Callable[..., Any]:
    """`make_lm(kind, vocab_size, **config)`: a causal LM with random weights; eos 3, pad 0."""

    def make(kind: str, vocab_size: int, **options: Any) -> Any:
        defaults = {"max_position_embeddings": 128, "vocab_size": vocab_size}
        return _build(_LANGUAGE_MODELS[kind], **(defaults | options))

    return make


@pytest.fixture
def save_classifier(tmp_path: Any) -> Callable[..., str]:
    """`save_classifier(kind, tokenizer, labels, **config)`: the folder of a random classifier."""

    def save(
        kind: str, tokenizer: PreTrainedTokenizerFast, labels: Sequence[str], **options: Any
    ) -> str:
        names = dict(enumerate(labels))
        defaults = {"max_position_embeddings": 128, "vocab_size": len(tokenizer)}
        defaults |= {"id2label": names, "label2id": {name: i for i, name in names.items()}}
        folder = tmp_path / f"{kind}-{len(labels)}"
        _build(_CLASSIFIERS[kind], **(defaults | options)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return save

"""Tiny policies, and decisions that they took."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision
from llm_game_env.players import CausalLMPlayer
from llm_game_env.spaces import Message

CHATS: list[list[Message]] = [
    [Message(role="user", content="tell me a joke")],
    [
        Message(role="system", content="you are fine"),
        Message(role="user", content="how are you"),
        Message(role="assistant", content="fine"),
        Message(role="user", content="no"),
    ],
    [Message(role="user", content="cat")],
]


@pytest.fixture
def make_policy(
    word_tokenizer: PreTrainedTokenizerFast, make_lm: Callable[..., Any]
) -> Callable[..., LanguagePolicy]:
    """`make_policy(kind, temperature, **config)`: the same random weights at every call."""

    def make(kind: str = "gpt2", temperature: float = 1.0, **options: Any) -> LanguagePolicy:
        model = make_lm(kind, len(word_tokenizer), **options)
        return LanguagePolicy(CausalLMPlayer(model, word_tokenizer, temperature=temperature))

    return make


@pytest.fixture
def decide() -> Callable[..., list[Decision]]:
    """`decide(policy, rewards, …)`: one sampled message a reward, to chats of three lengths."""

    def make(
        policy: LanguagePolicy,
        rewards: Sequence[float],
        *,
        seed: int = 0,
        max_tokens: int = 6,
        valid: bool = True,
        first_game: int = 0,
    ) -> list[Decision]:
        chats = [CHATS[i % len(CHATS)] for i in range(len(rewards))]
        uniforms = np.random.default_rng(seed).random((len(rewards), max_tokens))
        return [
            Decision(completion, game=first_game + i, turn=0, reward=reward, valid=valid)
            for i, (completion, reward) in enumerate(
                zip(policy.sample(chats, uniforms), rewards, strict=True)
            )
        ]

    return make

"""Reward models: what scores an exchange, higher is better for the defender.

| name | kind |
|---|---|
| `ClassifierReward` | any Hugging Face sequence classifier |
| `GuardReward` | any generative guard: Llama Guard, Qwen3Guard, WildGuard, ShieldGemma |
| `FunctionReward` | any Python callable |
| `JudgeReward` | a model behind an OpenAI-compatible endpoint, asked by a `Rubric` |
| `RefusalPhrases` | whether the first words refuse: crude |
| `WeightedSum` | several of them as one |
| `TRLReward` | a reward function written for TRL's trainers |

`as_trl_reward` hands any of them to TRL's trainers.

Intent checks, for games that judge the answer against a goal: `FunctionIntent`, `EmbeddingIntent`.
"""

from typing import TYPE_CHECKING, Any

from llm_game_env.rewards.function import FunctionReward
from llm_game_env.rewards.guard_formats import (
    LLAMA_GUARD,
    QWEN3_GUARD,
    GuardFormat,
    KnownPair,
    shield_gemma,
    wild_guard,
)
from llm_game_env.rewards.intent import EmbeddingIntent, FunctionIntent, IntentCheck
from llm_game_env.rewards.judge import JudgeReward
from llm_game_env.rewards.protocol import ChecksPrompts, Exchange, RewardModel
from llm_game_env.rewards.refusal_phrases import RefusalPhrases
from llm_game_env.rewards.rubric import Rubric
from llm_game_env.rewards.trl import TRLReward, as_trl_reward
from llm_game_env.rewards.weighted_sum import WeightedSum

if TYPE_CHECKING:
    from llm_game_env.rewards.classifier import ClassifierReward
    from llm_game_env.rewards.guard import GuardReward

__all__ = [
    "LLAMA_GUARD",
    "QWEN3_GUARD",
    "ChecksPrompts",
    "ClassifierReward",
    "EmbeddingIntent",
    "Exchange",
    "FunctionIntent",
    "FunctionReward",
    "GuardFormat",
    "GuardReward",
    "IntentCheck",
    "JudgeReward",
    "KnownPair",
    "RefusalPhrases",
    "RewardModel",
    "Rubric",
    "TRLReward",
    "WeightedSum",
    "as_trl_reward",
    "shield_gemma",
    "wild_guard",
]


def __getattr__(name: str) -> Any:
    # These bring torch, which an environment with a scripted reward never needs.
    if name == "ClassifierReward":
        from llm_game_env.rewards.classifier import ClassifierReward

        return ClassifierReward
    if name == "GuardReward":
        from llm_game_env.rewards.guard import GuardReward

        return GuardReward
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Reward models: what scores an exchange, higher is better for the defender.

| name | kind |
|---|---|
| `ClassifierReward` | any Hugging Face sequence classifier |
| `FunctionReward` | any Python callable |
| `JudgeReward` | a model behind an OpenAI-compatible endpoint, asked by a `Rubric` |
| `WeightedSum` | several of them as one |
| `TRLReward` | a reward function written for TRL's trainers |

`as_trl_reward` hands any of them to TRL's trainers.

Intent checks, for games that judge the answer against a goal: `FunctionIntent`, `EmbeddingIntent`.
"""

from typing import TYPE_CHECKING, Any

from llm_game_env.rewards.function import FunctionReward
from llm_game_env.rewards.intent import EmbeddingIntent, FunctionIntent, IntentCheck
from llm_game_env.rewards.judge import JudgeReward
from llm_game_env.rewards.protocol import ChecksPrompts, Exchange, RewardModel
from llm_game_env.rewards.rubric import Rubric
from llm_game_env.rewards.trl import TRLReward, as_trl_reward
from llm_game_env.rewards.weighted_sum import WeightedSum

if TYPE_CHECKING:
    from llm_game_env.rewards.classifier import ClassifierReward

__all__ = [
    "ChecksPrompts",
    "ClassifierReward",
    "EmbeddingIntent",
    "Exchange",
    "FunctionIntent",
    "FunctionReward",
    "IntentCheck",
    "JudgeReward",
    "RewardModel",
    "Rubric",
    "TRLReward",
    "WeightedSum",
    "as_trl_reward",
]


def __getattr__(name: str) -> Any:
    # The classifier brings torch, which an environment with a scripted reward never needs.
    if name == "ClassifierReward":
        from llm_game_env.rewards.classifier import ClassifierReward

        return ClassifierReward
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

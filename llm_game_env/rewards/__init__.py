"""Reward models: what scores an exchange, higher is better for the defender.

| name | kind |
|---|---|
| `ClassifierReward` | any Hugging Face sequence classifier |
| `FunctionReward` | any Python callable |

Intent checks, for games that judge the answer against a goal: `FunctionIntent`, `EmbeddingIntent`.
"""

from typing import TYPE_CHECKING, Any

from llm_game_env.rewards.function import FunctionReward
from llm_game_env.rewards.intent import EmbeddingIntent, FunctionIntent, IntentCheck
from llm_game_env.rewards.protocol import ChecksPrompts, Exchange, RewardModel

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
    "RewardModel",
]


def __getattr__(name: str) -> Any:
    # The classifier brings torch, which an environment with a scripted reward never needs.
    if name == "ClassifierReward":
        from llm_game_env.rewards.classifier import ClassifierReward

        return ClassifierReward
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

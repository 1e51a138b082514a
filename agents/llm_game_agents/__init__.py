"""Agents that learn the game: language policies, update rules, and GPO over the step API."""

from llm_game_agents.computing import Computing
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import LatestAndPast, MetaNash, UniformPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.update_rules import (
    GRPO,
    PPO,
    RLOO,
    GRPOConfig,
    PPOConfig,
    Reinforce,
    ReinforceConfig,
    RLOOConfig,
    UpdateStats,
)

__all__ = [
    "GPO",
    "GRPO",
    "PPO",
    "RLOO",
    "Computing",
    "GPOConfig",
    "GRPOConfig",
    "Iteration",
    "LanguagePolicy",
    "LatestAndPast",
    "MetaNash",
    "PPOConfig",
    "RLOOConfig",
    "Reinforce",
    "ReinforceConfig",
    "SharedBase",
    "UniformPast",
    "UpdateStats",
]

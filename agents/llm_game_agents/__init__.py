"""Agents that learn the game: language policies, PPO, and GPO over the environment's step API."""

from llm_game_agents.gpo import GPO, GPOConfig, Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.ppo import PPO, PPOStats
from llm_game_agents.ppo_config import PPOConfig

__all__ = ["GPO", "PPO", "GPOConfig", "Iteration", "LanguagePolicy", "PPOConfig", "PPOStats"]

"""Alignment as a two-player game, behind the PettingZoo API.

from llm_game_env import red_team_v0

env = red_team_v0.env()          # PettingZoo AEC
env = red_team_v0.vector_env(64) # the same game, 64 at a time
"""

from llm_game_env import red_team_v0
from llm_game_env.errors import (
    ConfigurationError,
    GameError,
    IllegalAction,
    RewardError,
    SeedPromptError,
)

__all__ = [
    "ConfigurationError",
    "GameError",
    "IllegalAction",
    "RewardError",
    "SeedPromptError",
    "red_team_v0",
]

"""Alignment as a two-player game, behind the PettingZoo API.

from llm_game_env import matrix_v0, red_team_v0

env = red_team_v0.env()          # PettingZoo AEC
env = red_team_v0.vector_env(64) # the same game, 64 at a time
env = matrix_v0.env(payoff=[[1, 0], [0, 1]], information=[0, 0])  # the game as a matrix

From PettingZoo 1.27 on they are also `pettingzoo.make("aec", "llm_game_env/red_team_v0")`, or
"parallel". One agent's game, the opponent inside, is a Gymnasium environment, under
`gymnasium.make("llm_game_env/RedTeamAdversary-v0")` or `make_vec`, as are RedTeamDefender-v0,
JailbreakAdversary-v0 and JailbreakDefender-v0. For Stable-Baselines3 it is
`red_team_v0.sb3_vec_env(64, agent="adversary_0")`; `llm_game_env.adapters` has what else other
people's libraries need.
"""

from llm_game_env import jailbreak_v0, matrix_v0, red_team_v0
from llm_game_env.errors import (
    BudgetSpent,
    ConfigurationError,
    EndpointError,
    GameError,
    IllegalAction,
    RewardError,
    SeedPromptError,
)
from llm_game_env.registration import register_with_gymnasium, register_with_pettingzoo
from llm_game_env.turn_budget import TurnBudget

__all__ = [
    "BudgetSpent",
    "ConfigurationError",
    "EndpointError",
    "GameError",
    "IllegalAction",
    "RewardError",
    "SeedPromptError",
    "TurnBudget",
    "jailbreak_v0",
    "matrix_v0",
    "red_team_v0",
]

register_with_pettingzoo()
register_with_gymnasium()

"""The game from one agent's seat, the other one played by a `Player`, behind Gymnasium's APIs."""

from llm_game_env.single_agent.arguments import choose_seat
from llm_game_env.single_agent.env import SingleAgentEnv
from llm_game_env.single_agent.seat import SeatSettings
from llm_game_env.single_agent.vector_env import SingleAgentVectorEnv

__all__ = ["SeatSettings", "SingleAgentEnv", "SingleAgentVectorEnv", "choose_seat"]

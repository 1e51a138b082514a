"""One process or several that train together, see `Processes`."""

from llm_game_agents.processes.alone import ALONE, Alone
from llm_game_agents.processes.opening import is_main_process, open_processes
from llm_game_agents.processes.protocol import Processes
from llm_game_agents.processes.replica import Replica
from llm_game_agents.processes.shared_reward import shared_reward

__all__ = [
    "ALONE",
    "Alone",
    "Processes",
    "Replica",
    "is_main_process",
    "open_processes",
    "shared_reward",
]

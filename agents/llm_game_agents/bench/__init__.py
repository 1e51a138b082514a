"""The benchmark: algorithms on the built-in tasks under equal budgets; see README.md here."""

from llm_game_agents.bench.protocol import Algorithm, Players
from llm_game_agents.bench.tasks import Task

__all__ = ["Algorithm", "Players", "Task"]

"""Who learns when: iterators of stages. A new schedule is a function that yields `Stage`s."""

from llm_game_agents.schedules.alternating import alternating, alternating_by_success
from llm_game_agents.schedules.one_learner import adversary_only, defender_only
from llm_game_agents.schedules.simultaneous import simultaneous
from llm_game_agents.schedules.stages import Stage, StageKind

__all__ = [
    "Stage",
    "StageKind",
    "adversary_only",
    "alternating",
    "alternating_by_success",
    "defender_only",
    "simultaneous",
]

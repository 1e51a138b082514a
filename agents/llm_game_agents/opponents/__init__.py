"""Whom a learner plays: one way of choosing a file, see `Opponents`."""

from llm_game_agents.opponents.lineup import Lineup, line_up, snapshot
from llm_game_agents.opponents.meta_nash import MetaNash, meta_equilibrium
from llm_game_agents.opponents.past import LatestAndPast, UniformPast
from llm_game_agents.opponents.protocol import Opponents, Population

__all__ = [
    "LatestAndPast",
    "Lineup",
    "MetaNash",
    "Opponents",
    "Population",
    "UniformPast",
    "line_up",
    "meta_equilibrium",
    "snapshot",
]

"""The theorem, run: idealised self-play on matrix games, exact, many games at a time."""

from llm_game_agents.tabular.bounds import (
    Ranges,
    horizon_coefficients,
    mirror_bound,
    optimistic_bound,
    ranges_of,
)
from llm_game_agents.tabular.curves import Curves, Run, log_spaced
from llm_game_agents.tabular.equilibria import regularised_equilibrium
from llm_game_agents.tabular.games import (
    Entropy,
    Policies,
    Signals,
    TabularGames,
    entropies,
    make_games,
    stack_games,
)
from llm_game_agents.tabular.gaps import nash_gaps
from llm_game_agents.tabular.magnetic import MagneticDescent
from llm_game_agents.tabular.mirror import MirrorDescent
from llm_game_agents.tabular.optimistic import OptimisticDescent
from llm_game_agents.tabular.regularised import RegularisedDescent
from llm_game_agents.tabular.rule import Descent, Rule
from llm_game_agents.tabular.runs import follow
from llm_game_agents.tabular.stepping import iterates

__all__ = [
    "Curves",
    "Descent",
    "Entropy",
    "MagneticDescent",
    "MirrorDescent",
    "OptimisticDescent",
    "Policies",
    "Ranges",
    "RegularisedDescent",
    "Rule",
    "Run",
    "Signals",
    "TabularGames",
    "entropies",
    "follow",
    "horizon_coefficients",
    "iterates",
    "log_spaced",
    "make_games",
    "mirror_bound",
    "nash_gaps",
    "optimistic_bound",
    "ranges_of",
    "regularised_equilibrium",
    "stack_games",
]

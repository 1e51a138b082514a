"""Optimistic mirror descent: each side steps as if the next signal were the last one again.

    π_{t+1} ∝ exp( Σ_{s≤t} g_s / β + g_t / β ),

g the defender's signal, and the same for μ with -c / η (Rakhlin and Sridharan 2013; in this form
Syrgkanis et al. 2015). Coefficients are constant, and the average's gap O(1/T).
"""

from dataclasses import dataclass

from llm_game_agents.tabular.games import NO_ENTROPY, Entropy, Signals, TabularGames
from llm_game_agents.tabular.rule import Descent, KLCoefficients


@dataclass(frozen=True)
class OptimisticDescent(KLCoefficients):
    """Optimistic mirror descent; its bound asks that η β be at least the square of R's range."""

    @property
    def entropy(self) -> Entropy:
        """None: the plain game is played."""
        return NO_ENTROPY

    def begin(self, games: TabularGames) -> Descent:
        """A run from uniform policies."""
        return _OptimisticRun(self, games)


class _OptimisticRun(Descent):
    def __init__(self, rule: OptimisticDescent, games: TabularGames) -> None:
        super().__init__(games)
        self._rule = rule
        self._before: Signals | None = None

    def step(self, signals: Signals) -> None:
        # The last guess is taken back, what came instead counts, and is the next guess.
        costs, worth = 2 * signals.costs, 2 * signals.worth
        if self._before is not None:
            costs -= self._before.costs
            worth -= self._before.worth
        self._before = signals
        self.logits = self._rule.moved(self.logits, Signals(costs, worth))

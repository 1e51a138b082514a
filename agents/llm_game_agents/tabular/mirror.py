"""The idealised GPO of the paper: mirror ascent and descent, the KL taken to the previous iterate.

    π_{t+1}(y | k) ∝ π_t(y | k) exp( E[R(x, y) | k] / β )
    μ_{t+1}(x) ∝ μ_t(x) exp( -c_t(x) / η )

with k what the defender sees and c_t the derivative of J by μ at (π_t, μ_t), both from uniform
(Zheng et al. 2024, Section 3; the closed form follows from the Lagrangian of either update). Where
the defender sees the prompt, its update does not depend on the adversary.
"""

from dataclasses import dataclass

from llm_game_agents.tabular.games import NO_ENTROPY, Entropy, Signals, TabularGames
from llm_game_agents.tabular.rule import Descent, KLCoefficients


@dataclass(frozen=True)
class MirrorDescent(KLCoefficients):
    """Idealised GPO; its coefficients are O(√T) in Theorem 3.2, see `horizon_coefficients`."""

    @property
    def entropy(self) -> Entropy:
        """None: the plain game is played."""
        return NO_ENTROPY

    def begin(self, games: TabularGames) -> Descent:
        """A run from uniform policies."""
        return _MirrorRun(self, games)


class _MirrorRun(Descent):
    def __init__(self, rule: MirrorDescent, games: TabularGames) -> None:
        super().__init__(games)
        self._rule = rule

    def step(self, signals: Signals) -> None:
        self.logits = self._rule.moved(self.logits, signals)

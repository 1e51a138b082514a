"""The idealised GPO of the paper: mirror ascent and descent, the KL taken to the previous iterate.

    π_{t+1}(y | k) ∝ π_t(y | k) exp( E[R(x, y) | k] / β )
    μ_{t+1}(x) ∝ μ_t(x) exp( -c_t(x) / η )

with k what the defender sees and c_t the derivative of J by μ at (π_t, μ_t), both from uniform
(Zheng et al. 2024, Section 3; the closed form follows from the Lagrangian of either update). Where
the defender sees the prompt, its update does not depend on the adversary.
"""

from dataclasses import dataclass

from llm_game_agents.tabular.games import NO_ENTROPY, Entropy, Policies, Signals, TabularGames
from llm_game_agents.tabular.rule import Descent, check_positive


@dataclass(frozen=True)
class MirrorDescent:
    """Idealised GPO.

    Attributes:
        adversary_kl: η, what a nat of KL to the previous iterate costs, in units of the score;
            O(√T) in Theorem 3.2, see `horizon_coefficients`.
        defender_kl: β, the same for the defender.

    Raises:
        ConfigurationError: a coefficient is not above 0.
    """

    adversary_kl: float
    defender_kl: float

    def __post_init__(self) -> None:
        check_positive("adversary_kl", self.adversary_kl)
        check_positive("defender_kl", self.defender_kl)

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
        self.logits = Policies(
            self.logits.adversary - signals.costs / self._rule.adversary_kl,
            self.logits.defender + signals.worth / self._rule.defender_kl,
        )

"""The idealised GPO with entropy in the game.

    μ_{t+1} = argmin E_μ[c_t] - η_H H(μ) + η KL(μ ‖ μ_t)  ∝  ( μ_t^η exp(-c_t) )^{1 / (η + η_H)},

and likewise for the defender with its own entropy, if that is in the game (`Entropy`). The average
is what Theorem A.4 of Zheng et al. 2024 speaks of. Nothing collapses: the regularised equilibrium
gives every prompt a probability above 0.
"""

from dataclasses import dataclass

from llm_game_agents.tabular.games import Entropy, Policies, Signals, TabularGames
from llm_game_agents.tabular.rule import Descent, KLCoefficients, check_entropy


@dataclass(frozen=True)
class RegularisedDescent(KLCoefficients):
    """Idealised GPO, entropy-regularised.

    Attributes:
        entropy: what entropy is worth to either side.

    Raises:
        ConfigurationError: a coefficient is not above 0, or a weight of entropy below.
    """

    entropy: Entropy

    def __post_init__(self) -> None:
        super().__post_init__()
        check_entropy(self.entropy)

    def begin(self, games: TabularGames) -> Descent:
        """A run from uniform policies."""
        return _RegularisedRun(self, games)


class _RegularisedRun(Descent):
    def __init__(self, rule: RegularisedDescent, games: TabularGames) -> None:
        super().__init__(games)
        self._rule = rule

    def step(self, signals: Signals) -> None:
        rule, logits = self._rule, self.logits
        adversary = rule.adversary_kl * logits.adversary - signals.costs
        defender = rule.defender_kl * logits.defender + signals.worth
        self.logits = Policies(
            adversary / (rule.adversary_kl + rule.entropy.adversary),
            defender / (rule.defender_kl + rule.entropy.defender),
        )

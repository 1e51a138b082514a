"""Magnetic mirror descent: besides the previous iterate, a magnet pulls.

    μ_{t+1} = argmin E_μ[c_t] + α KL(μ ‖ ζ) + η KL(μ ‖ μ_t)

(Sokota et al. 2023), likewise for π, with constant coefficients. A magnet ζ that stays uniform
makes it the descent in the entropy-regularised game, whose equilibrium the last iterate approaches
linearly in the simultaneous game if η = β ≥ R² / (4 α), R the range of the scores, and in the
paper's with any. A magnet that is moved to the iterate every so often leads on to an equilibrium of
the plain game.
"""

from dataclasses import dataclass

from llm_game_agents.tabular.games import NO_ENTROPY, Entropy, Policies, Signals, TabularGames
from llm_game_agents.tabular.rule import Descent, check_positive
from llm_game_env.checks import check_whole


@dataclass(frozen=True)
class MagneticDescent:
    """Magnetic mirror descent, both sides alike.

    Attributes:
        kl: η = β, what a nat of KL to the previous iterate costs, in units of the score.
        pull: α, what a nat of KL to the magnet costs.
        magnet_every: iterations after which the magnet is moved to the iterate; 0: it stays.

    Raises:
        ConfigurationError: a coefficient is not above 0, or `magnet_every` no whole number.
    """

    kl: float
    pull: float
    magnet_every: int = 0

    def __post_init__(self) -> None:
        check_positive("kl", self.kl)
        check_positive("pull", self.pull)
        check_whole("magnet_every", self.magnet_every, least=0)

    @property
    def entropy(self) -> Entropy:
        """KL to a uniform magnet is entropy; one that moves makes for the plain game."""
        return NO_ENTROPY if self.magnet_every else Entropy(self.pull, self.pull)

    def begin(self, games: TabularGames) -> Descent:
        """A run from uniform policies, which are the first magnet."""
        return _MagneticRun(self, games)


class _MagneticRun(Descent):
    def __init__(self, rule: MagneticDescent, games: TabularGames) -> None:
        super().__init__(games)
        self._rule = rule
        self._magnet = self.logits
        self._steps = 0

    def step(self, signals: Signals) -> None:
        rule, logits, magnet = self._rule, self.logits, self._magnet
        total = rule.kl + rule.pull
        adversary = rule.kl * logits.adversary + rule.pull * magnet.adversary - signals.costs
        defender = rule.kl * logits.defender + rule.pull * magnet.defender + signals.worth
        self.logits = Policies(adversary / total, defender / total)
        self._steps += 1
        if rule.magnet_every and self._steps % rule.magnet_every == 0:
            self._magnet = self.logits

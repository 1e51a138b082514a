"""How both sides' next policies follow from the last ones: what an algorithm is here.

A new one is a `Rule` with its coefficients and a `Descent` with its memory, in a file of its own.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from llm_game_agents.tabular.games import Entropy, Policies, Signals, TabularGames
from llm_game_env.checks import brief, check_finite
from llm_game_env.errors import ConfigurationError


@runtime_checkable
class Rule(Protocol):
    """An algorithm with its coefficients; one can begin any number of runs."""

    @property
    def entropy(self) -> Entropy:
        """The regularised game that it plays; no entropy where it plays the plain one."""
        ...

    def begin(self, games: TabularGames) -> "Descent":
        """A run in these games, from uniform policies."""
        ...


@dataclass(frozen=True)
class KLCoefficients:
    """What it costs either side to leave its previous iterate.

    Attributes:
        adversary_kl: η, of a nat of KL to the previous iterate, in units of the score.
        defender_kl: β, the same for the defender.

    Raises:
        ConfigurationError: a coefficient is not above 0.
    """

    adversary_kl: float
    defender_kl: float

    def __post_init__(self) -> None:
        check_positive("adversary_kl", self.adversary_kl)
        check_positive("defender_kl", self.defender_kl)

    def moved(self, logits: Policies, signals: Signals) -> Policies:
        """The log-policies after a step down the costs and up the worth."""
        return Policies(
            logits.adversary - signals.costs / self.adversary_kl,
            logits.defender + signals.worth / self.defender_kl,
        )


class Descent(ABC):
    """A run of one rule in G games.

    Attributes:
        logits: log-policies, up to a constant a row: [G, X] and [G, K, Y].
    """

    def __init__(self, games: TabularGames) -> None:
        uniform = games.uniform()
        self.logits = Policies(np.zeros_like(uniform.adversary), np.zeros_like(uniform.defender))

    @property
    def policies(self) -> Policies:
        """The present iterate, as probabilities."""
        return Policies(softmax(self.logits.adversary), softmax(self.logits.defender))

    @abstractmethod
    def step(self, signals: Signals) -> None:
        """Moves both policies at once, each by what it learnt against the other's last one."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    powers = logits - logits.max(axis=-1, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def check_positive(name: str, value: Any) -> float:
    """The finite number above 0.

    Raises:
        ConfigurationError: it is none.
    """
    number = check_finite(name, value)
    if number > 0:
        return number
    raise ConfigurationError(f"{name}={brief(value)} must be above 0")


def check_entropy(entropy: Entropy) -> None:
    """Refuses weights below 0.

    Raises:
        ConfigurationError: one is, or is no finite number.
    """
    for side, weight in zip(Entropy._fields, entropy, strict=True):
        if check_finite(f"entropy.{side}", weight) < 0:
            raise ConfigurationError(f"entropy.{side}={weight} must be at least 0")

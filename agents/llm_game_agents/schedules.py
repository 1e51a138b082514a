"""Who learns when: iterators of stages.

A new schedule is a function that yields `Stage`s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from llm_game_env.errors import ConfigurationError
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

StageKind = Literal["defend", "attack"]
LEARNER: dict[StageKind, str] = {"defend": AGENTS[DEFENDER], "attack": AGENTS[ADVERSARY]}


@dataclass(frozen=True)
class Stage:
    """A run of updates of one player against the other, which stands still.

    Attributes:
        kind: "defend" where the defender learns, "attack" where the adversary does.
        updates: how many.
    """

    kind: StageKind
    updates: int

    def __post_init__(self) -> None:
        if self.updates < 1:
            raise ConfigurationError(f"{self.kind}_updates={self.updates} must be at least 1")

    @property
    def learner(self) -> str:
        """The agent that learns."""
        return LEARNER[self.kind]


def alternating(defend_updates: int, attack_updates: int, rounds: int) -> Iterator[Stage]:
    """GPO: a defend stage, then an attack stage, repeatedly (Zheng et al. 2024, Algorithm 1)."""
    if rounds < 1:
        raise ConfigurationError(f"rounds={rounds} must be at least 1")
    for _ in range(rounds):
        yield Stage("defend", defend_updates)
        yield Stage("attack", attack_updates)


def defender_only(updates: int) -> Iterator[Stage]:
    """RLHF: only the defender learns."""
    yield Stage("defend", updates)


def adversary_only(updates: int) -> Iterator[Stage]:
    """Red-teaming: only the adversary learns."""
    yield Stage("attack", updates)

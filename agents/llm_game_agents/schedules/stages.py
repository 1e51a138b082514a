"""Stages: who learns, for how long, and what ends it early."""

from dataclasses import dataclass
from typing import Literal

from llm_game_env.checks import check_choice
from llm_game_env.errors import ConfigurationError
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

StageKind = Literal["defend", "attack", "both"]
LEARNERS: dict[StageKind, tuple[str, ...]] = {
    "defend": (AGENTS[DEFENDER],),
    "attack": (AGENTS[ADVERSARY],),
    "both": AGENTS,
}


@dataclass(frozen=True)
class Stage:
    """A run of updates of one player against the other, which stands still, or of both.

    Attributes:
        kind: "defend" where the defender learns, "attack" where the adversary does, "both" where
            each learns against the other as it was before the update.
        updates: how many, at most.
        until_success: attack success at which the stage ends early, in [0, 1]: an attack stage when
            it is reached from below, a defend stage from above; None for no such end. Attack
            success is the share of exchanges under harmful seed prompts that score as unsafe.
    """

    kind: StageKind
    updates: int
    until_success: float | None = None

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, tuple(LEARNERS))
        if self.updates < 1:
            raise ConfigurationError(f"{self.kind}_updates={self.updates} must be at least 1")
        bound = self.until_success
        if bound is not None and (self.kind == "both" or not 0 <= bound <= 1):
            raise ConfigurationError(
                f"until_success={bound!r} of a {self.kind} stage must be None, or in [0, 1] for a "
                "stage of one learner"
            )

    @property
    def learners(self) -> tuple[str, ...]:
        """The agents that learn."""
        return LEARNERS[self.kind]

    def is_over(self, updates: int, success: float | None) -> bool:
        """Whether it ends.

        Args:
            updates: made in it so far.
            success: of the attacks in the last of them; None where no harmful game was played.
        """
        if updates >= self.updates:
            return True
        if self.until_success is None or success is None or not updates:
            return False
        reached = success >= self.until_success
        return reached if self.kind == "attack" else success <= self.until_success

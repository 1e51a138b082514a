"""What one round of updates was, as the loop hands it to callbacks."""

from collections.abc import Mapping
from dataclasses import dataclass

from llm_game_agents.rollout import Exchanged, Rollout
from llm_game_agents.schedules import Stage
from llm_game_agents.update_rules import UpdateStats


@dataclass(frozen=True)
class Iteration:
    """One update of every learner of a stage.

    Attributes:
        index: within the run, from 0.
        stage: the stage it belongs to.
        stage_index: of that stage within the run, from 0.
        rollouts: the games that each learner learnt from.
        stats: what its update did.
        unsafe_below: the score under which an answer counts as unsafe.
        rollout_seconds, update_seconds: wall-clock time; scoring is part of the former.
        evaluation_seconds: of opening the stage, where the choice of opponents lets the players'
            states meet; 0 in its later updates.
    """

    index: int
    stage: Stage
    stage_index: int
    rollouts: Mapping[str, Rollout]
    stats: Mapping[str, UpdateStats]
    unsafe_below: float
    rollout_seconds: float
    update_seconds: float
    evaluation_seconds: float = 0.0

    @property
    def exchanges(self) -> list[Exchanged]:
        """All exchanges of the rollouts."""
        return [one for rollout in self.rollouts.values() for one in rollout.exchanges]

    @property
    def scoring_seconds(self) -> float:
        """Time in rewards and diversity, of the rollouts'."""
        return sum(rollout.scoring_seconds for rollout in self.rollouts.values())

    @property
    def attack_success(self) -> float | None:
        """Share of the exchanges under harmful seed prompts that are unsafe; None without any."""
        harmful = [one.score for one in self.exchanges if one.harmful]
        if not harmful:
            return None
        return sum(score < self.unsafe_below for score in harmful) / len(harmful)

"""Trajectories written by hand."""

from collections.abc import Callable, Sequence

import pytest

from llm_game_agents.trajectory import Decision, Trajectory, pack
from llm_game_env.players.causal_lm import Completion

MakeTrajectory = Callable[..., Trajectory]


@pytest.fixture
def make_trajectory() -> MakeTrajectory:
    """`make_trajectory(rewards, …)`: a decision a reward, its prompt one token long."""

    def make(
        rewards: Sequence[float],
        *,
        group: Sequence[int] | None = None,
        game: Sequence[int] | None = None,
        turn: Sequence[int] | None = None,
        valid: Sequence[bool] | None = None,
        log_ratios: Sequence[Sequence[float]] | None = None,
    ) -> Trajectory:
        """Log-probabilities are -1 under the reference, -1 + `log_ratios` as sampled."""
        size = len(rewards)
        log_ratios = log_ratios or [[0.0]] * size
        decisions = [
            Decision(
                Completion("", [5], [6] * len(ratios), [ratio - 1.0 for ratio in ratios], "length"),
                game=(game or range(size))[i],
                turn=(turn or [0] * size)[i],
                reward=rewards[i],
                valid=(valid or [True] * size)[i],
                group=(group or [0] * size)[i],
            )
            for i, ratios in enumerate(log_ratios)
        ]
        trajectory = pack(decisions, pad_id=0)
        trajectory.ref_logprobs[trajectory.response_mask] = -1.0
        return trajectory

    return make

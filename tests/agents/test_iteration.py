"""What a callback is told of an update."""

from typing import Any

import pytest

from llm_game_agents.iteration import Iteration
from llm_game_agents.rollout import Exchanged, Rollout
from llm_game_agents.schedules import Stage


def exchange(score: float, harmful: float) -> Exchanged:
    parts = {"likeness": 0.0, "self_bleu": 0.0, "embedding": 0.0, "valid": 1.0}
    numbers: dict[str, Any] = parts | {"harmful": harmful, "score": score}
    return Exchanged("seed", "prompt", "response", **numbers)


def iteration(*rollouts: list[Exchanged]) -> Iteration:
    agents = ("adversary_0", "defender_0")
    some: dict[str, Any] = {"index": 0, "stage": Stage("both", 1), "stage_index": 0, "stats": {}}
    return Iteration(
        rollouts={a: Rollout({}, played) for a, played in zip(agents, rollouts, strict=False)},
        unsafe_below=0.5,
        rollout_seconds=0.0,
        update_seconds=0.0,
        **some,
    )


@pytest.mark.parametrize(
    ("rollouts", "success"),
    [
        # What is unsafe is below the bound; benign seed prompts do not count.
        ([[exchange(0.4, 1), exchange(0.5, 1), exchange(0.1, 0)]], 1 / 2),
        # Both learners' games count.
        ([[exchange(0.4, 1)], [exchange(0.9, 1), exchange(0.8, 1), exchange(0.0, 1)]], 2 / 4),
        ([[exchange(0.1, 0)]], None),
        ([[]], None),
    ],
)
def test_attack_success_by_hand(rollouts: list[list[Exchanged]], success: float | None) -> None:
    assert iteration(*rollouts).attack_success == success

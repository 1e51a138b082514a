"""Who learns when."""

from collections.abc import Iterator

import pytest

from llm_game_agents.schedules import Stage, adversary_only, alternating, defender_only
from llm_game_env.errors import ConfigurationError


def test_alternation_opens_with_the_defender() -> None:
    stages = list(alternating(defend_updates=3, attack_updates=2, rounds=2))
    assert stages == [
        Stage("defend", 3),
        Stage("attack", 2),
        Stage("defend", 3),
        Stage("attack", 2),
    ]
    assert [stage.learners for stage in stages] == [("defender_0",), ("adversary_0",)] * 2


@pytest.mark.parametrize(
    ("schedule", "learner"),
    [(defender_only(7), "defender_0"), (adversary_only(7), "adversary_0")],
)
def test_one_learner(schedule: Iterator[Stage], learner: str) -> None:
    (stage,) = schedule
    assert (stage.learners, stage.updates) == ((learner,), 7)


@pytest.mark.parametrize("name", ["defend_updates", "attack_updates", "rounds"])
@pytest.mark.parametrize("value", [0, -2])
def test_alternation_of_nothing_is_refused(name: str, value: int) -> None:
    knobs = {"defend_updates": 1, "attack_updates": 1, "rounds": 1} | {name: value}
    with pytest.raises(ConfigurationError, match=f"{name}={value} must be at least 1"):
        list(alternating(**knobs))

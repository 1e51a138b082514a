"""Who learns when."""

from collections.abc import Iterator

import pytest

from llm_game_agents.schedules import (
    Stage,
    StageKind,
    adversary_only,
    alternating,
    alternating_by_success,
    defender_only,
    simultaneous,
)
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


@pytest.mark.parametrize(
    ("updates", "stage_updates", "sizes"),
    [(5, 0, [5]), (5, 2, [2, 2, 1]), (4, 2, [2, 2]), (2, 9, [2])],
)
def test_both_learn_at_once(updates: int, stage_updates: int, sizes: list[int]) -> None:
    stages = list(simultaneous(updates, stage_updates))
    assert stages == [Stage("both", size) for size in sizes]
    assert all(stage.learners == ("adversary_0", "defender_0") for stage in stages)


@pytest.mark.parametrize("name", ["updates", "stage_updates"])
def test_learning_nothing_at_once_is_refused(name: str) -> None:
    knobs = {"updates": 3} | {name: -1}
    with pytest.raises(ConfigurationError, match=f"{name}=-1 must be"):
        list(simultaneous(**knobs))
    with pytest.raises(ConfigurationError, match="updates=0 must be"):
        list(simultaneous(0))


def test_stages_that_end_with_success() -> None:
    stages = list(alternating_by_success(3, 2, 1, safe_below=0.1, broken_above=0.4))
    assert stages == [Stage("defend", 3, 0.1), Stage("attack", 2, 0.4)]


@pytest.mark.parametrize(
    ("kind", "success", "over"),
    [
        ("attack", 0.4, True),
        ("attack", 0.39, False),
        ("defend", 0.4, True),
        ("defend", 0.41, False),
        ("attack", None, False),
        ("defend", None, False),
    ],
)
def test_a_stage_ends_with_success_or_with_its_updates(
    kind: StageKind, success: float | None, over: bool
) -> None:
    stage = Stage(kind, 3, until_success=0.4)
    assert stage.is_over(1, success) == over
    assert stage.is_over(3, success)
    assert not Stage(kind, 3).is_over(2, success)
    # Before its first update nothing has been seen of it.
    assert not stage.is_over(0, success)


@pytest.mark.parametrize(
    ("kind", "bound"), [("attack", 1.1), ("defend", -0.1), ("attack", float("nan")), ("both", 0.5)]
)
def test_impossible_bounds_are_refused(kind: StageKind, bound: float) -> None:
    with pytest.raises(ConfigurationError, match="until_success="):
        Stage(kind, 3, bound)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="kind='rest'"):
        Stage("rest", 3)  # type: ignore[arg-type]

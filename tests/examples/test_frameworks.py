"""Other people's libraries train on the tokens format: each learner beats its untrained self.

The bars are fixed, and far from what the learners reach: on five or six random seeds each, no
margin came closer to its bar than three standard errors of the difference of two means.
"""

import random
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from tianshou.data import Batch

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """`example(name)`: one of the programs as a module.

    The libraries seed the global generators; what other tests draw must not depend on it.
    """
    monkeypatch.syspath_prepend(EXAMPLES)
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        yield import_module
    random.setstate(states[0])
    np.random.set_state(states[1])


@pytest.mark.parametrize(
    ("agent", "masked", "untrained", "trained"),
    [
        ("adversary_0", False, -0.8, -0.15),
        ("adversary_0", True, -0.6, -0.1),
        ("defender_0", False, 0.4, 0.85),
        ("defender_0", True, 0.5, 0.9),
    ],
)
def test_stable_baselines(
    example: Callable[[str], Any], agent: str, masked: bool, untrained: float, trained: float
) -> None:
    means = example("sb3_ppo").train(agent, masked=masked, seed=0)
    assert means.before < untrained
    assert means.after > trained


def test_self_play(example: Callable[[str], Any]) -> None:
    attack, defence = example("sb3_self_play").train(seed=0, rounds=1)
    assert (attack.agent, defence.agent) == ("adversary_0", "defender_0")
    assert attack.means.after > attack.means.before + 0.1
    assert defence.means.after > defence.means.before + 0.2


@pytest.mark.slow
def test_a_defender_of_two_rounds_is_hardly_beaten(example: Callable[[str], Any]) -> None:
    stages = example("sb3_self_play").train(seed=0, rounds=2)
    assert [stage.agent for stage in stages] == ["adversary_0", "defender_0"] * 2
    assert stages[-1].means.after > 0.85


@pytest.mark.slow
def test_tianshou(example: Callable[[str], Any]) -> None:
    adversary, defender = example("tianshou_ppo").train(seed=0)
    assert adversary.after > adversary.before + 0.1
    assert defender.after > defender.before + 0.3


@pytest.mark.slow
def test_supersuit(example: Callable[[str], Any]) -> None:
    adversary, defender = example("supersuit_ppo").train(seed=0)
    assert adversary.after > adversary.before + 0.1
    assert defender.after > defender.before + 0.4


@pytest.mark.slow
def test_the_built_in_world(example: Callable[[str], Any]) -> None:
    means = example("sb3_gatekeeper").train("defender_0", seed=0)
    assert means.after > means.before + 0.1


def test_own_turns(example: Callable[[str], Any]) -> None:
    """Two games in a row: a prompt of two tokens and an answer of one; then two turns of one.

    What the adversary earns stands in the defender's rows.
    """
    movers = ["a", "a", "d", "a", "d", "a", "d"]
    paid = [[0, 0], [0, 0], [-3, 3], [0, 0], [-5, 5], [1, -1], [-7, 7]]
    batch = Batch(
        obs=Batch(agent_id=np.array(movers), obs=np.arange(7)),
        act=np.arange(7) * 10,
        rew=np.array(paid, dtype=float),
        done=np.array([False, False, True, False, False, False, True]),
    )
    own_turns = example("tianshou_ppo").own_turns
    mine, theirs = (own_turns(batch, *who).sample(0)[0] for who in (("a", 0), ("d", 1)))
    assert mine.obs.obs.tolist() == [0, 1, 3, 5]
    assert mine.act.tolist() == [0, 10, 30, 50]
    assert mine.rew.tolist() == [0, -3, -5, 1 - 7]
    assert mine.done.tolist() == mine.terminated.tolist() == [False, True, False, True]
    assert mine.obs_next.obs[[0, 2]].tolist() == [1, 5]
    assert theirs.obs.obs.tolist() == [2, 4, 6]
    assert theirs.rew.tolist() == [3, 5 - 1, 7]
    assert theirs.done.tolist() == [True, False, True]
    assert theirs.obs_next.obs[1] == 6


@pytest.mark.parametrize(
    ("name", "words", "wanted"),
    [
        ("sb3_ppo", ["--agent", "defender_0", "--masked"], {"masked": True, "seed": 0}),
        ("sb3_gatekeeper", ["--agent", "adversary_0", "--seed", "3"], {"seed": 3}),
        ("sb3_self_play", [], {}),
        ("tianshou_ppo", ["--seed", "2"], {}),
        ("supersuit_ppo", [], {}),
    ],
)
def test_the_command_line(
    example: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    words: list[str],
    wanted: dict[str, Any],
) -> None:
    module, means = example(name), example("small_gate").Means(-0.5, 0.25)
    seen: dict[str, Any] = {}

    def train(*_: Any, **flags: Any) -> Any:
        seen.update(flags)
        return (
            means if "agent" in words or name in ("sb3_ppo", "sb3_gatekeeper") else (means, means)
        )

    monkeypatch.setattr(module, "train", train)
    monkeypatch.setattr(sys, "argv", [name, *words])
    module.main()
    assert seen == wanted
    if name != "sb3_self_play":  # It prints its stages as they come.
        assert "-0.50 -> 0.25" in capsys.readouterr().out

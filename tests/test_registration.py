"""The environments by name, through PettingZoo's own registry."""

from typing import Any

import pettingzoo
import pytest
from pettingzoo import AECEnv, ParallelEnv

from llm_game_env.registration import ENVIRONMENTS, register_with_pettingzoo

ARGUMENTS: dict[str, dict[str, Any]] = {
    "red_team_v0": {"reward_model": "judge"},
    "jailbreak_v0": {"reward_model": "judge", "max_turns": 2},
    "matrix_v0": {"payoff": [[1.0, 0.0]]},
}
registered = pytest.mark.skipif(
    not hasattr(pettingzoo, "make"), reason="PettingZoo has a registry from 1.27 on"
)


@registered
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_made_by_name(name: str) -> None:
    known_as = f"llm_game_env/{name}"
    aec = pettingzoo.make("aec", known_as, **ARGUMENTS[name])
    parallel = pettingzoo.make("parallel", known_as, **ARGUMENTS[name])
    assert isinstance(aec, AECEnv)
    assert isinstance(parallel, ParallelEnv)
    for env in (aec, parallel):
        assert env.possible_agents == ["adversary_0", "defender_0"]
        env.reset(seed=0)
        assert env.agents == ["adversary_0", "defender_0"]
        assert env.metadata["name"] == name


@registered
def test_registering_twice_says_nothing() -> None:
    before = dict(pettingzoo.aec_registry)
    register_with_pettingzoo()
    assert before == pettingzoo.aec_registry


def test_without_a_registry_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pettingzoo, "register", raising=False)
    register_with_pettingzoo()

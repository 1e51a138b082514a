"""The environments by name, through PettingZoo's and Gymnasium's own registries."""

from typing import Any

import gymnasium
import pettingzoo
import pytest
from pettingzoo import AECEnv, ParallelEnv

from llm_game_env.errors import ConfigurationError
from llm_game_env.players import EchoPlayer
from llm_game_env.registration import ENVIRONMENTS, NAMESPACE, SEATS, register_with_pettingzoo
from llm_game_env.rewards import FunctionIntent, FunctionReward
from llm_game_env.single_agent import SingleAgentVectorEnv

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


@pytest.mark.parametrize("name", SEATS)
def test_made_by_gymnasium(name: str) -> None:
    arguments: dict[str, Any] = {
        "seed_prompts": ["s"],
        "reward_model": FunctionReward(lambda exchanges: [0.25] * len(exchanges)),
        "opponent": EchoPlayer(),
        "max_turns": 2,
        "render_mode": "ansi",
    }
    if name.startswith("Jailbreak"):
        arguments["intent"] = FunctionIntent(lambda *_: True)
    # With the module, it need not be imported first.
    known_as = f"llm_game_env:{NAMESPACE}/{name}"
    sign = 1 if "Defender" in name else -1
    env = gymnasium.make(known_as, **arguments)
    env.reset(seed=0)
    ended = [env.step("p")[1:3] for _ in range(2)]
    assert ended == [(sign * 0.25, False), (sign * 0.25, True)]
    assert "total: score 0.500" in str(env.render())
    for mode in (None, "sync", "vector_entry_point"):
        games: Any = gymnasium.make_vec(known_as, 3, vectorization_mode=mode, **arguments)
        assert isinstance(games.unwrapped, SingleAgentVectorEnv) == (mode != "sync")
        games.reset(seed=0)
        games.step(("p", "q", "r"))
        _, rewards, terminations, _, _ = games.step(("p", "q", "r"))
        assert rewards.tolist() == [sign * 0.25] * 3
        assert terminations.all()
        assert [text.count("score 0.250") for text in games.render()] == [2, 2, 2]
        games.close()
    with pytest.raises(TypeError, match="max_turn'"):
        gymnasium.make_vec(known_as, 3, max_turn=2, **arguments)
    with pytest.raises(ConfigurationError, match="agent='judge_0'"):
        gymnasium.make(known_as, agent="judge_0", **arguments)

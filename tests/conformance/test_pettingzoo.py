"""PettingZoo's own tests of an environment."""

import itertools
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from pettingzoo.test import (
    api_test,
    parallel_api_test,
    performance_benchmark,
    render_test,
    seed_test,
)

from conformance_kit.examples import EXAMPLES
from llm_game_env import jailbreak_v0, red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.rewards import Exchange, FunctionIntent, FunctionReward

# api_test warns of everything that is no array, unless the environment's name stands in a list of
# PettingZoo's own ones. Text is none.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Observation is not a NumPy array"),
    pytest.mark.filterwarnings("ignore:Observation space for each agent probably should be"),
    pytest.mark.filterwarnings("ignore:Action space for each agent probably should be"),
]


def vowels(exchanges: Any) -> list[float]:
    """A score that random messages move."""

    def share(exchange: Exchange) -> float:
        return sum(c in "aeiou" for c in exchange.response) / (len(exchange.response) + 1)

    return [share(exchange) for exchange in exchanges]


OWN: dict[str, Any] = {
    "seed_prompts": ["one", "two", "three"],
    "reward_model": FunctionReward(vowels),
}


def own_game(**arguments: Any) -> Any:
    return red_team_v0.env(**OWN, **arguments)


def short(_goal: str, prompt: str) -> bool:
    return len(prompt) < 20


VARIANTS: list[dict[str, Any]] = [
    {},
    {"max_turns": 3},
    {"max_turns": 4, "stop_when_unsafe": True, "unsafe_below": 0.1, "turn_reward": "end"},
    {"diversity": Diversity(self_bleu=1.0), "system_prompts": {"defender_0": "Be safe."}},
    {"max_chars": 3},
]


@pytest.mark.parametrize("arguments", VARIANTS)
def test_api(arguments: dict[str, Any]) -> None:
    api_test(own_game(**arguments), num_cycles=60)


@pytest.mark.parametrize("arguments", VARIANTS)
def test_seeds(arguments: dict[str, Any]) -> None:
    seed_test(lambda: own_game(**arguments), num_cycles=30)


def test_api_of_the_raw_environment() -> None:
    api_test(own_game().unwrapped, num_cycles=20)


@pytest.mark.parametrize("arguments", VARIANTS)
def test_parallel_api(arguments: dict[str, Any]) -> None:
    parallel_api_test(red_team_v0.parallel_env(**OWN, **arguments), num_cycles=60)


def test_jailbreaks() -> None:
    arguments = {**OWN, "intent": FunctionIntent(short), "max_turns": 2}
    api_test(jailbreak_v0.env(**arguments), num_cycles=40)
    seed_test(lambda: jailbreak_v0.env(**arguments), num_cycles=20)
    parallel_api_test(jailbreak_v0.parallel_env(**arguments), num_cycles=40)


@pytest.mark.parametrize("module", [red_team_v0, jailbreak_v0])
def test_tokens(module: Any) -> None:
    arguments = {"action_format": "tokens", "reward_model": "judge", "max_tokens": 5}
    for mask in (None, "grammar"):
        api_test(module.env(**arguments, action_mask=mask), num_cycles=100)
        seed_test(partial(module.env, **arguments, action_mask=mask), num_cycles=40)
        # It draws from the whole space, whatever the mask says.
        parallel = module.parallel_env(**arguments, action_mask=mask, illegal="end_message")
        parallel_api_test(parallel, num_cycles=60)


@pytest.mark.parametrize("name", EXAMPLES)
def test_rendering(name: str) -> None:
    game = EXAMPLES[name]
    render_test(partial(game.module.env, **game.arguments))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_benchmark_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For 50 cycles; it looks at a clock to know when its five seconds are over."""
    clock = itertools.count(step=0.1)
    module = import_module("pettingzoo.test.performance_benchmark")
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: next(clock)))
    game = EXAMPLES[name]
    performance_benchmark(game.module.env(**game.arguments))


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_environment_has_a_global_state(name: str) -> None:
    """So that PettingZoo's state_test, which wants `state()` and `state_space`, does not apply."""
    game = EXAMPLES[name]
    for make in (game.module.env, game.module.parallel_env):
        env = make(**game.arguments)
        env.reset(seed=0)
        assert not hasattr(env, "state_space")
        with pytest.raises(NotImplementedError):
            env.state()


WORLDS: list[Callable[[], Any]] = [
    red_team_v0.env,
    lambda: red_team_v0.env(reward_model="judge"),
    jailbreak_v0.env,
]


@pytest.mark.parametrize("make", WORLDS, ids=["learned", "judge", "jailbreak"])
def test_the_built_in_world(make: Callable[[], Any]) -> None:
    api_test(make(), num_cycles=30)
    seed_test(make, num_cycles=10)

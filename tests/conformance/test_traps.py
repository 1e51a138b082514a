"""What other people's programs have stumbled over, one test each."""

import copy
import multiprocessing
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv

from conformance_kit.contract import AGENTS
from conformance_kit.examples import EXAMPLES, SEATED, play, seat_arguments
from conformance_kit.sameness import same
from llm_game_env.spaces import Utterance

# Where it can be had: the other ways start an interpreter for each environment.
FORK = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
ODD = "é中🙂\n\x00\u2028\u202e ß\x00"

every_game = pytest.mark.parametrize("name", EXAMPLES)
every_seat = pytest.mark.parametrize(
    ("name", "agent"), [(name, agent) for name in SEATED for agent in AGENTS]
)


def aec(name: str, **changed: Any) -> Any:
    return EXAMPLES[name].module.env(**EXAMPLES[name].arguments | changed)


def parallel(name: str, **changed: Any) -> Any:
    return EXAMPLES[name].module.parallel_env(**EXAMPLES[name].arguments | changed)


def vector(name: str, **changed: Any) -> Any:
    return EXAMPLES[name].module.vector_env(3, **EXAMPLES[name].arguments | changed)


def seat(name: str, agent: str, **changed: Any) -> Any:
    game = EXAMPLES[name]
    return game.module.single_agent_env(**seat_arguments(game, agent) | changed)


def joint_steps(env: Any, seed: int) -> Iterator[tuple[Any, ...]]:
    """What `step` of a parallel environment returns, up to the end of a game."""
    env.reset(seed=seed)
    for agent in env.possible_agents:
        env.action_space(agent).seed(seed)
    while env.agents:
        yield env.step({agent: env.action_space(agent).sample() for agent in env.agents})


def seat_steps(env: Any, seed: int) -> Iterator[tuple[Any, ...]]:
    """What `step` of a single-agent environment returns, up to the end of a game."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    terminated = False
    while not terminated:
        taken = env.step(env.action_space.sample())
        terminated = taken[2]
        yield taken


@every_game
def test_the_parallel_view_returns_five_dicts_always(name: str) -> None:
    """PettingZoo's conversion of turn-based games returns four after the end."""
    env = parallel(name)
    for _ in range(2):
        steps = list(joint_steps(env, seed=0))
        assert all(len(step) == 5 for step in steps)
        assert all(set(part) == set(AGENTS) for step in steps for part in step)
        assert env.step({}) == ({}, {}, {}, {}, {})
        assert env.step({"adversary_0": None}) == ({}, {}, {}, {}, {})


@every_game
def test_infos_are_the_same_floats_at_every_moment(name: str) -> None:
    """Strings break what stacks infos, keys that come and go what preallocates them."""
    env, joint = aec(name), parallel(name)
    env.reset(seed=0)
    _, first = joint.reset(seed=0)
    told = [*env.infos.values(), *first.values()]
    told += [info for seed in range(3) for *_, info in play(env, seed)]
    told += [
        info
        for seed in range(3)
        for *_, infos in joint_steps(joint, seed)
        for info in infos.values()
    ]
    assert {tuple(info) for info in told} == {tuple(told[0])}
    assert all(type(value) is float for info in told for value in info.values())


@every_seat
def test_infos_of_the_seats_are_the_same_floats_at_every_moment(name: str, agent: str) -> None:
    env = seat(name, agent)
    told = [env.reset(seed=0)[1]]
    told += [infos for seed in range(3) for *_, infos in seat_steps(env, seed)]
    assert {tuple(info) for info in told} == {tuple(told[0])}
    assert all(type(value) is float for info in told for value in info.values())


@every_game
def test_spaces_are_the_same_objects_for_life(name: str) -> None:
    """A space that is made anew at each call forgets its seed."""
    views = [aec(name), parallel(name)] + ([vector(name)] if name in SEATED else [])
    for view in views:
        kinds = [view.observation_space, view.action_space]
        before = [kind(agent) for kind in kinds for agent in AGENTS]
        for seed in (0, None):
            view.reset(seed=seed)
            after = [kind(agent) for kind in kinds for agent in AGENTS]
            assert all(one is other for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.endswith("tokens")])
@pytest.mark.parametrize("mask", [None, {"adversary_0": ["red key"], "defender_0": ["no"]}])
def test_masks_are_int8_and_leave_something_to_do(name: str, mask: Any) -> None:
    """`Discrete.sample` takes int8 alone; an agent without a legal action stops a learner."""
    env = aec(name, action_mask=mask)
    masks = []
    for _ in play(env, seed=0):
        masks += [env.observe(agent)["action_mask"] for agent in AGENTS]
    for agent in AGENTS:  # after the end as well
        masks.append(env.observe(agent)["action_mask"])
        env.action_space(agent).sample(masks[-1])
    games = vector(name, action_mask=mask)
    games.reset(seed=0)
    masks += list(games.last().observations["action_mask"])
    for each in masks:
        assert each.dtype == env.observation_space("adversary_0")["action_mask"].dtype == np.int8
        assert set(each.tolist()) <= {0, 1}
        assert each.any()


@every_game
def test_endings_are_python_bools(name: str) -> None:
    """`np.bool_` is not `False`, which is what Gymnasium's own check asks."""
    for _, _, *ends, _ in play(aec(name), seed=0):
        assert [type(end) for end in ends] == [bool, bool]
    for _, _, *ends, _ in joint_steps(parallel(name), seed=0):
        assert all(type(end) is bool for by_agent in ends for end in by_agent.values())


@every_seat
def test_endings_of_the_seats_are_python_bools(name: str, agent: str) -> None:
    for _, reward, *ends, _ in seat_steps(seat(name, agent), seed=0):
        assert [type(end) for end in ends] == [bool, bool]
        assert type(reward) is float


@every_seat
def test_an_episode_of_one_step_terminates(name: str, agent: str) -> None:
    """Gymnasium's check takes one that truncates after a step for a mistake."""
    shortest = {"max_turns": 1} | ({"max_tokens": 1} if name.endswith("tokens") else {})
    steps = list(seat_steps(seat(name, agent, **shortest), seed=0))
    assert [(terminated, truncated) for _, _, terminated, truncated, _ in steps] == [(True, False)]


@every_game
def test_both_agents_end_on_the_same_step(name: str) -> None:
    """Wrappers that go by the acting agent alone lose the other one's last reward."""
    env = aec(name)
    for _ in play(env, seed=0):
        if len(env.agents) == 2:
            assert env.terminations["adversary_0"] == env.terminations["defender_0"]
    steps = list(joint_steps(parallel(name), seed=0))
    ends = [set(terminations.values()) for _, _, terminations, _, _ in steps]
    assert ends == [{False}] * (len(steps) - 1) + [{True}]


@pytest.mark.parametrize("name", ["red_team-text", "jailbreak-text"])
def test_text_of_any_script_goes_through_unchanged(name: str) -> None:
    """Gymnasium's `Text` refuses spaces and accents, and NumPy drops a last null character."""
    one_turn = {"max_turns": 1}
    env, joint, games = aec(name, **one_turn), parallel(name, **one_turn), vector(name, **one_turn)
    env.reset(seed=0)
    joint.reset(seed=0)
    games.reset(seed=0)
    for agent in AGENTS:
        assert ODD in env.action_space(agent)
        env.step(ODD)
        joint.step({agent: ODD})
        games.step([ODD] * 3)
    for exchange in (env.unwrapped.exchanges[0], joint.aec.exchanges[0], games.exchanges(2)[0]):
        assert (exchange.prompt, exchange.response) == (ODD, ODD)
    observations = [env.observe("defender_0"), games.observe(2, "defender_0")]
    for observation in observations:
        assert [message["content"] for message in observation["messages"]][-2:] == [ODD, ODD]
        assert observation in env.observation_space("defender_0")
    for agent in AGENTS:
        alone = seat(name, agent, **one_turn)
        alone.reset(seed=0)
        assert alone.step(ODD)[0] in alone.observation_space
        assert ODD in (alone.exchanges[0].prompt, alone.exchanges[0].response)


def test_sampled_text_is_not_ascii_alone() -> None:
    """So that a program tried with random actions meets other letters at once."""
    space = Utterance(4096, seed=0)
    assert not "".join(space.sample() for _ in range(20)).isascii()


@every_game
def test_a_copy_of_a_game_goes_on_alike(name: str) -> None:
    """Wrappers that roll out in advance copy the environment."""
    env = aec(name)
    env.reset(seed=0)
    other = copy.deepcopy(env)
    for view in (env, other):
        for agent in AGENTS:
            view.action_space(agent).seed(0)
        view.step(view.action_space("adversary_0").sample())
    assert same(env.last(), other.last())


@pytest.mark.parametrize("name", SEATED)
def test_shared_memory_refuses_text(name: str) -> None:
    """The stock `Text` space comes back as garbage; ours are refused, and pipes carry them."""
    make: Callable[[], Any] = partial(seat, name, "adversary_0")
    if name.endswith("text"):
        with pytest.raises(ValueError, match="shared_memory=False"):
            AsyncVectorEnv([make, make])
    env = AsyncVectorEnv([make, make], shared_memory=name.endswith("tokens"), context=FORK)
    game = EXAMPLES[name]
    arguments = seat_arguments(game, "adversary_0")
    ours = game.module.single_agent_vector_env(2, **arguments)
    try:
        assert same(env.reset(seed=3)[0], ours.reset(seed=3)[0])
        actions = ours.action_space.sample()
        assert same(env.step(actions)[0], ours.step(actions)[0])
    finally:
        env.close()

"""The loop: stages, who changes in them, and going on after an interrupt."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import Stage, adversary_only, defender_only
from llm_game_agents.update_rules.ppo import PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import EchoPlayer, ScriptedPlayer
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.vector import VectorGame

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MakePolicy = Callable[..., LanguagePolicy]
Weights = dict[str, torch.Tensor]

PPO_KNOBS = PPOConfig(update_epochs=1, num_minibatches=2, learning_rate=3e-3)
KNOBS: dict[str, Any] = {
    "defend_updates": 2,
    "attack_updates": 1,
    "rounds": 2,
    "defender": PPO_KNOBS,
    "adversary": PPO_KNOBS,
    "defender_max_tokens": 4,
    "adversary_max_tokens": 4,
}
CONFIG = GPOConfig(**KNOBS)
NUM_UPDATES = 6


def long_answers(exchanges: Sequence[Exchange]) -> list[float]:
    return [0.2 * len(exchange.response.split()) for exchange in exchanges]


def make_games(diversity: Diversity | None = None, **arguments: Any) -> VectorGame:
    return red_team_v0.vector_env(
        8,
        seed_prompts=["cat", "tell me a joke", "how are you"],
        reward_model=FunctionReward(long_answers),
        diversity=diversity,
        **arguments,
    )


@pytest.fixture
def make_run(make_policy: MakePolicy) -> Callable[..., GPO]:
    """`make_run(**arguments)`: GPO of two tiny policies, the same at every call."""

    def make(**arguments: Any) -> GPO:
        defaults = {
            "env": make_games(max_turns=2),
            "adversary": make_policy("gpt2"),
            "defender": make_policy("llama"),
            "config": CONFIG,
        }
        return GPO(**(defaults | arguments))

    return make


def policy_of(run: GPO, agent: str) -> LanguagePolicy:
    player = run.players[agent]
    assert isinstance(player, LanguagePolicy)
    return player


def weights(run: GPO) -> dict[str, Weights]:
    """Of both players, critic and reference included."""
    return {
        agent: {name: t.clone() for name, t in policy_of(run, agent).state_dict().items()}
        for agent in (ADVERSARY, DEFENDER)
    }


def same(a: Weights, b: Weights) -> bool:
    assert a.keys() == b.keys()
    return all(torch.equal(a[name], b[name]) for name in a)


def test_stages_come_in_order(make_run: Callable[..., GPO]) -> None:
    seen: list[Iteration] = []
    run = make_run()
    assert run.learn(seen.append) is run
    assert [i.index for i in seen] == list(range(NUM_UPDATES))
    assert [i.stage.kind for i in seen] == ["defend", "defend", "attack"] * 2
    assert [i.stage_index for i in seen] == [0, 0, 1, 2, 2, 3]
    assert run.num_iterations == NUM_UPDATES
    assert {agent: ppo.num_updates for agent, ppo in run.learners.items()} == {
        ADVERSARY: 2,
        DEFENDER: 4,
    }
    for iteration in seen:
        assert len(iteration.exchanges) == 16  # eight games of two turns
        assert iteration.stats[iteration.stage.learners[0]].first_ratio_error <= 1e-5
        assert iteration.rollout_seconds > 0
        assert iteration.update_seconds > 0


def test_only_the_learner_changes(make_run: Callable[..., GPO]) -> None:
    run = make_run()
    before = weights(run)
    moments = {agent: str(ppo.state_dict()) for agent, ppo in run.learners.items()}

    def check(iteration: Iteration) -> None:
        (learner,) = iteration.stage.learners
        other = ADVERSARY if learner == DEFENDER else DEFENDER
        after = weights(run)
        assert same(after[other], before[other])
        assert str(run.learners[other].state_dict()) == moments[other]
        for part, moves in (("model.", True), ("value_head.", True), ("reference.", False)):
            names = [name for name in after[learner] if name.startswith(part)]
            assert names
            changed = any(not torch.equal(after[learner][n], before[learner][n]) for n in names)
            assert changed == moves
        before[learner] = after[learner]
        moments[learner] = str(run.learners[learner].state_dict())

    run.learn(check)
    assert run.num_iterations == NUM_UPDATES


def test_the_seed_decides_everything(make_run: Callable[..., GPO]) -> None:
    runs = [make_run(config=GPOConfig(**KNOBS, seed=seed)).learn() for seed in (0, 0, 1)]
    first, again, other = (weights(run)[DEFENDER] for run in runs)
    assert same(first, again)
    assert not same(first, other)


def test_every_iteration_draws_anew(make_run: Callable[..., GPO]) -> None:
    still = PPOConfig(learning_rate=1e-12, critic_learning_rate=1e-12)
    knobs: dict[str, Any] = KNOBS | {"defender": still, "adversary": still}
    games = red_team_v0.vector_env(
        8, seed_prompts=["cat"], reward_model=FunctionReward(long_answers)
    )
    said: list[tuple[str, ...]] = []

    def note(iteration: Iteration) -> None:
        said.append(tuple(exchange.prompt for exchange in iteration.exchanges))

    make_run(env=games, config=GPOConfig(**knobs)).learn(note)
    assert len(set(said)) == NUM_UPDATES


def test_no_global_generator_is_touched(make_run: Callable[..., GPO]) -> None:
    run = make_run()
    before = torch.get_rng_state()
    run.learn()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("schedule", "learner", "idle"),
    [
        (defender_only(2), DEFENDER, ADVERSARY),
        (adversary_only(2), ADVERSARY, DEFENDER),
        ([Stage("defend", 1), Stage("defend", 1)], DEFENDER, ADVERSARY),
    ],
)
def test_other_schedules(
    schedule: Any, learner: str, idle: str, make_run: Callable[..., GPO]
) -> None:
    run = make_run(schedule=schedule)
    before = weights(run)
    run.learn()
    assert run.num_iterations == 2
    assert list(run.learners) == [learner]
    assert not same(weights(run)[learner], before[learner])
    assert same(weights(run)[idle], before[idle])


def test_an_empty_schedule_plays_nothing(make_run: Callable[..., GPO]) -> None:
    run = make_run(schedule=[], adversary=EchoPlayer(), defender=ScriptedPlayer(["no"]))
    assert run.learn().num_iterations == 0


def test_a_player_that_cannot_learn_may_play(make_run: Callable[..., GPO]) -> None:
    run = make_run(schedule=defender_only(2), adversary=EchoPlayer()).learn()
    assert run.learners[DEFENDER].num_updates == 2


@pytest.mark.parametrize(
    ("players", "name"),
    [
        ({"adversary": EchoPlayer()}, "adversary_0, which is a EchoPlayer"),
        ({"defender": ScriptedPlayer(["no"])}, "defender_0, which is a ScriptedPlayer"),
    ],
)
def test_a_player_that_cannot_learn_is_refused(
    players: dict[str, Any], name: str, make_run: Callable[..., GPO]
) -> None:
    with pytest.raises(ConfigurationError, match=f"the schedule trains {name}"):
        make_run(**players)


def test_a_temperature_that_the_policies_do_not_have_is_refused(
    make_run: Callable[..., GPO], make_policy: MakePolicy
) -> None:
    with pytest.raises(ConfigurationError, match=r"defender_0 writes at temperature 0\.7"):
        make_run(defender=make_policy("llama", 0.7))
    with pytest.raises(ConfigurationError, match=r"adversary_0 .*temperature=0\.5"):
        make_run(config=GPOConfig(**KNOBS, temperature=0.5))


@pytest.mark.parametrize("name", ["defender_max_tokens", "adversary_max_tokens"])
def test_messages_of_no_tokens_are_refused(name: str) -> None:
    knobs: dict[str, Any] = KNOBS | {name: 0}
    with pytest.raises(ConfigurationError, match=f"{name}=0 must be at least 1"):
        GPOConfig(**knobs)


def test_a_run_may_end_with_the_defenders_answer() -> None:
    whole = GPOConfig(**KNOBS).schedule()
    assert whole[-1].kind == "attack"
    assert GPOConfig(**KNOBS, final_attack=False).schedule() == whole[:-1]


@pytest.mark.parametrize("name", ["defend_updates", "attack_updates", "rounds"])
def test_stages_of_nothing_are_refused(name: str, make_run: Callable[..., GPO]) -> None:
    knobs: dict[str, Any] = KNOBS | {name: 0}
    with pytest.raises(ConfigurationError, match=f"{name}=0 must be at least 1"):
        make_run(config=GPOConfig(**knobs))


def stop_after(updates: int) -> Callable[[Iteration], None]:
    """A callback that presses Ctrl-C once so many updates are done."""

    def callback(iteration: Iteration) -> None:
        if iteration.index + 1 == updates:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("updates", [1, 2, 3, 5])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    updates: int, tmp_path: Path, make_run: Callable[..., GPO], make_policy: MakePolicy
) -> None:
    def games() -> VectorGame:
        return make_games(Diversity(self_bleu=1.0), max_turns=2)

    config = GPOConfig(**KNOBS, temperature=0.8)
    for kind in ("gpt2", "llama"):
        make_policy(kind).save(tmp_path / kind)

    def run() -> GPO:
        # Loaded, so that all runs use the same kernels for attention.
        adversary, defender = (
            LanguagePolicy.load(tmp_path / kind, temperature=0.8) for kind in ("gpt2", "llama")
        )
        return make_run(env=games(), adversary=adversary, defender=defender, config=config)

    whole: list[Iteration] = []
    straight = run().learn(whole.append)
    interrupted = run()
    with pytest.raises(KeyboardInterrupt):
        interrupted.learn(stop_after(updates))
    assert interrupted.num_iterations == updates

    resumed = GPO.load(interrupted.save(tmp_path / "run"), games())
    rest: list[Iteration] = []
    resumed.learn(rest.append)
    assert [i.index for i in rest] == list(range(updates, NUM_UPDATES))
    assert [i.stage_index for i in rest] == [i.stage_index for i in whole[updates:]]
    for mine, theirs in zip(rest, whole[updates:], strict=True):
        assert mine.rollouts == theirs.rollouts
        assert mine.stats == theirs.stats
    final, expected = weights(resumed), weights(straight)
    assert same(final[ADVERSARY], expected[ADVERSARY])
    assert same(final[DEFENDER], expected[DEFENDER])


def test_a_run_goes_on_in_the_same_process(make_run: Callable[..., GPO]) -> None:
    straight, interrupted = make_run().learn(), make_run()
    with pytest.raises(KeyboardInterrupt):
        interrupted.learn(stop_after(4))
    interrupted.learn()
    assert same(weights(interrupted)[DEFENDER], weights(straight)[DEFENDER])
    # There is nothing left to do.
    interrupted.learn(stop_after(1))
    assert interrupted.num_iterations == NUM_UPDATES
    assert same(weights(interrupted)[DEFENDER], weights(straight)[DEFENDER])


def test_an_interrupt_while_games_are_played_leaves_a_usable_run(
    tmp_path: Path, make_run: Callable[..., GPO]
) -> None:
    calls = 0

    def interrupting(exchanges: Sequence[Exchange]) -> list[float]:
        nonlocal calls
        calls += 1
        if calls == 6:  # the second turn of the third rollout
            raise KeyboardInterrupt
        return long_answers(exchanges)

    env = red_team_v0.vector_env(
        8, seed_prompts=["cat"], reward_model=FunctionReward(interrupting), max_turns=2
    )
    run = make_run(env=env)
    with pytest.raises(KeyboardInterrupt):
        run.learn()
    assert run.num_iterations == 2
    saved = weights(run)
    resumed = GPO.load(run.save(tmp_path / "run"), make_games(max_turns=2))
    assert same(weights(resumed)[DEFENDER], saved[DEFENDER])
    assert resumed.learn().num_iterations == NUM_UPDATES

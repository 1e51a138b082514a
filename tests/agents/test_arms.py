"""Every arm as a run: who plays, who learns, on which prompts, for how long."""

import re
from collections import Counter
from functools import partial

import numpy as np
import pytest

from llm_game_agents.arms import ARMS, Arm, find_arm, make_run, with_defender
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.opponents import LatestAndPast, MetaNash, UniformPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.rollout import collect
from llm_game_agents.schedules import Stage
from llm_game_agents.update_rules import GRPOConfig, ReinforceConfig, RLOOConfig, UpdateRule
from llm_game_env import jailbreak_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.grammar import parse
from llm_game_env.gatekeeper.intent import SameMatter
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.world import World, load_world
from llm_game_env.players import EchoPlayer, ScriptedPlayer
from llm_game_env.spaces import Message

CONFIG = GPOConfig(defend_updates=2, attack_updates=3, rounds=2, seed=1)
JAILBREAKS = partial(jailbreak_v0.vector_env, intent=SameMatter())
NOBODY: list[Stage] = []
BOTH = [Stage("defend", 2), Stage("attack", 3)] * 2
SCHEDULES = {
    "sft": NOBODY,
    "always-refuse": NOBODY,
    "rlhf": [Stage("defend", 4)],
    "rlhf-steps": [Stage("defend", 10)],
    "rlhf-frozen": [Stage("defend", 4)],
    "rlhf-frozen-steps": [Stage("defend", 10)],
    "rlhf-uniform": [Stage("defend", 4)],
    "red-team": [Stage("attack", 6)],
    "red-team+div": [Stage("attack", 6)],
    "gpo": BOTH,
    "gpo-grpo": BOTH,
    "gpo-rloo": BOTH,
    "gpo-reinforce": BOTH,
    "simultaneous": [Stage("both", 5)],
    "fictitious": BOTH,
    "psro": BOTH,
}


@pytest.fixture(scope="module")
def world() -> World:
    return load_world()


@pytest.fixture(params=ARMS)
def arm(request: pytest.FixtureRequest) -> Arm:
    return ARMS[request.param]


def test_an_arm_makes_its_run(arm: Arm, world: World) -> None:
    run = make_run(arm, world, CONFIG, 8)
    assert run.stages == SCHEDULES[re.sub(r"^gpo\+div\d*$", "gpo", arm.name)]
    learning = {agent for stage in run.stages for agent in stage.learners}
    assert set(run.learners) == learning
    assert arm.trains_defender == ("defender_0" in learning)
    assert run.env.num_envs == 8
    if arm.rule == "ppo" and arm.meets == "latest and past":
        assert run.config is CONFIG

    fixed = arm.name in ("rlhf", "rlhf-steps", "rlhf-uniform")
    assert isinstance(run.players["adversary_0"], EchoPlayer if fixed else LanguagePolicy)
    rules = run.env.game.rules
    assert rules.instruction == ("{seed_prompt}" if fixed else world.instruction)
    assert rules.reward_model is world.reward_model
    if arm.name != "rlhf-uniform":
        assert rules.seeds == world.seed_prompts
    defender = run.players["defender_0"]
    if arm.name == "always-refuse":
        assert isinstance(defender, ScriptedPlayer)
        assert defender.sentences == REFUSALS
    else:
        assert isinstance(defender, LanguagePolicy)
    for agent, ppo in run.learners.items():
        assert ppo.policy is run.players[agent]


def test_the_name_says_the_intensity_of_diversity(arm: Arm, world: World) -> None:
    named = re.fullmatch(r".*\+div(\d*)", arm.name)
    expected = float(named[1] or 5) if named else 0.0
    assert arm.diversity == expected
    diversity = make_run(arm, world, CONFIG, 8).env.game.diversity
    if not expected:
        assert diversity is None
        return
    assert diversity is not None
    # A prompt that is no question is as alike as can be: the sum of the weights, 0.05 and 0.01.
    assert diversity.greatest.total == pytest.approx(0.06 * expected)


@pytest.mark.parametrize(
    ("name", "kind"), [("grpo", GRPOConfig), ("rloo", RLOOConfig), ("reinforce", ReinforceConfig)]
)
def test_another_rule_keeps_the_knobs_that_it_shares(
    name: str, kind: type[UpdateRule], world: World
) -> None:
    config = make_run(ARMS[f"gpo-{name}"], world, CONFIG, 8).config
    for rule, ppo in ((config.adversary, CONFIG.adversary), (config.defender, CONFIG.defender)):
        assert type(rule) is kind
        assert rule.learning_rate == ppo.learning_rate
        assert rule.kl_coef == ppo.kl_coef
        assert rule.adam_eps == ppo.adam_eps
        # Of the rules that scale advantages.
        least = getattr(rule, "min_advantage_std", None)
        assert least == (None if kind is RLOOConfig else 0.2)
    assert config.adversary.learning_rate != config.defender.learning_rate


def test_whom_the_learners_of_an_arm_meet(world: World) -> None:
    for name, kind in (("fictitious", UniformPast), ("psro", MetaNash), ("gpo", LatestAndPast)):
        config = make_run(ARMS[name], world, CONFIG, 8).config
        assert type(config.adversary_plays) is type(config.defender_plays) is kind


def test_names_and_arms_agree() -> None:
    assert all(name == arm.name for name, arm in ARMS.items())
    assert {re.sub(r"\+div\d+$", "+div", name) for name in ARMS} == {*SCHEDULES, "gpo+div"}


def test_uniform_prompts_are_drawn_from_a_by_the_seed(world: World) -> None:
    def texts(seed: int) -> list[str]:
        config = GPOConfig(seed=seed)
        rules = make_run(ARMS["rlhf-uniform"], world, config, 2).env.game.rules
        return [seed.text for seed in rules.seeds]

    first = texts(0)
    assert first == texts(0)
    assert first != texts(1)
    questions = [parse(text) for text in first]
    reachable = set(world.splits.reachable_train)
    assert all(question in reachable for question in questions)
    labels = Counter(question.matter.secret for question in questions if question)
    assert labels[True] == labels[False]
    assert len(set(first)) == len(first) > 1000


def test_jailbreaks_start_from_the_secrets_alone_and_keep_their_goal(world: World) -> None:
    run = make_run(find_arm("gpo+div"), world, CONFIG, 8, make_games=JAILBREAKS)
    rules = run.env.game.rules
    assert rules.seeds == tuple(seed for seed in world.seed_prompts if seed.label == "harmful")
    assert isinstance(rules.intent, SameMatter)
    assert rules.instruction == world.instruction
    assert rules.reward_model is world.reward_model
    assert run.env.game.diversity is not None
    assert run.stages == BOTH
    assert make_run(find_arm("gpo"), world, CONFIG, 8).env.game.rules.intent is None


def test_an_exchange_says_whether_its_prompt_kept_the_goal(world: World) -> None:
    run = make_run(find_arm("sft"), world, CONFIG, 16, make_games=JAILBREAKS)
    exchanges = collect(run.env, run.players, CONFIG.max_tokens, seed=0, iteration=0).exchanges
    kept = [
        (asked := parse(one.prompt)) is not None and asked.matter is goal.matter
        for one in exchanges
        if (goal := parse(one.seed_prompt)) is not None
    ]
    assert [one.intent for one in exchanges] == [float(same) for same in kept]
    assert 0 < sum(kept) < 16


def test_players_are_the_sft_ones(world: World) -> None:
    run = make_run(ARMS["gpo"], world, CONFIG, 2)
    chats = [[Message(role="user", content="could you please tell me the price of bread?")]]
    for agent, folder in (("adversary_0", world.adversary), ("defender_0", world.defender)):
        sft = LanguagePolicy.load(folder)
        expected = sft.reply(chats, np.random.default_rng(0), max_tokens=9)
        assert run.players[agent].reply(chats, np.random.default_rng(0), max_tokens=9) == expected


def test_an_unknown_arm_is_refused() -> None:
    assert find_arm("gpo") is ARMS["gpo"]
    with pytest.raises(ConfigurationError, match=r"no arm 'dpo'; choose from sft, .*gpo"):
        find_arm("dpo")


def test_other_knobs_for_the_defender() -> None:
    config = with_defender(CONFIG, learning_rate=1e-5, kl_coef=0.7)
    assert (config.defender.learning_rate, config.defender.kl_coef) == (1e-5, 0.7)
    assert config.adversary == CONFIG.adversary
    assert (config.rounds, config.seed) == (2, 1)
    assert CONFIG.defender.kl_coef != 0.7

"""The numbers of a built world: weak spots, reward model's accuracy, the adversary's reach."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_game_env.gatekeeper.corpus import reward_example
from llm_game_env.gatekeeper.grammar import Question, parse
from llm_game_env.gatekeeper.judge import Verdict, judge, judge_answer
from llm_game_env.gatekeeper.splits import BLIND_FRAME, Part, Splits
from llm_game_env.gatekeeper.world import World
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.rewards import Exchange
from llm_game_env.rules import make_rules
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message

NUM_QUESTIONS = 6000
NUM_EXCHANGES = 4000
NUM_PROMPTS = 4000
ALIAS_GROUPS = ("first", "tail", "held out")
MANNER_GROUPS = ("plain", "common", "tail", "held out")


@dataclass(frozen=True)
class WorldNumbers:
    """What a build of the world is like; shares in [0, 1].

    Attributes:
        leaks: SFT defender's leak rate by (alias group, manner group).
        helpful: ordinary questions that it answers rightly.
        reward_inside, reward_outside: agreement of the reward model with the judge, inside and
            outside the blind spot.
        prompts: share of the SFT adversary's prompts by the farthest part they use; "malformed"
            for those that are no question.
        commonest_rarity: share of the commonest single prompt with a rare piece.
    """

    leaks: dict[tuple[str, str], float]
    helpful: float
    reward_inside: float
    reward_outside: float
    prompts: dict[str, float]
    commonest_rarity: float


def measure_world(world: World, seed: int = 0) -> WorldNumbers:
    """Samples the SFT players and scores fresh labelled exchanges."""
    rng = np.random.default_rng(seed)
    leaks, helpful = _defender(world, rng)
    inside, outside = _reward_model(world, rng)
    prompts, rarity = _adversary(world, rng)
    return WorldNumbers(leaks, helpful, inside, outside, prompts, rarity)


def alias_group(splits: Splits, question: Question) -> str:
    """The row of the leak table."""
    part = splits.alias_part(question)
    return {Part.FIRST: "first", Part.TAIL: "tail"}.get(part, "held out")


def manner_group(splits: Splits, question: Question) -> str:
    """The column of the leak table: the farthest part of opener and frame."""
    parts = set(splits.parts(question)[1:])
    if parts & {Part.VALIDATION, Part.TEST}:
        return "held out"
    if Part.TAIL in parts:
        return "tail"
    return "common" if Part.COMMON in parts else "plain"


def _defender(world: World, rng: np.random.Generator) -> tuple[dict[tuple[str, str], float], float]:
    splits = world.splits
    pool = [*splits.reachable, *splits.held_out_validation, *splits.held_out_test]
    asked = list(splits.sample(pool, NUM_QUESTIONS // 2, "measure"))
    # The plain cells are few among all questions; they are what everybody asks.
    plain = [q for q in pool if manner_group(splits, q) in ("plain", "common")]
    asked += splits.sample(plain, NUM_QUESTIONS // 4, "measure plain")
    defender = CausalLMPlayer.load(world.defender)
    chats = [[Message(role="user", content=question.text)] for question in asked]
    answers: list[str] = []
    for start in range(0, len(chats), 500):
        answers += defender.reply(chats[start : start + 500], rng, max_tokens=20)
    total, leaked = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    helped: list[bool] = []
    for question, answer in zip(asked, answers, strict=True):
        verdict = judge_answer(question.matter, answer)
        if question.matter.secret:
            cell = (alias_group(splits, question), manner_group(splits, question))
            total[cell] += 1
            leaked[cell] += verdict is Verdict.LEAK
        else:
            helped.append(verdict is Verdict.OK)
    return {cell: leaked[cell] / total[cell] for cell in total}, float(np.mean(helped))


def _reward_model(world: World, rng: np.random.Generator) -> tuple[float, float]:
    examples = [reward_example(world.splits, rng) for _ in range(NUM_EXCHANGES)]
    exchanges = [Exchange(Seed(e.prompt), (), e.prompt, e.response) for e in examples]
    said = world.reward_model.score(exchanges) > 0.5
    true = np.array([judge(e.prompt, e.response) is Verdict.OK for e in examples])
    blind = np.array([_in_blind_spot(e.prompt) for e in examples])
    agree = said == true
    return float(agree[blind].mean()), float(agree[~blind].mean())


def _in_blind_spot(prompt: str) -> bool:
    question = parse(prompt)
    return question is not None and question.frame == BLIND_FRAME and question.matter.secret


def _adversary(world: World, rng: np.random.Generator) -> tuple[dict[str, float], float]:
    rules = make_rules(
        seed_prompts=world.seed_prompts,
        reward_model=world.reward_model,
        instruction=world.instruction,
    )
    adversary = CausalLMPlayer.load(world.adversary)
    picks = rng.integers(len(rules.seeds), size=NUM_PROMPTS)
    chats = [[Message(role="user", content=rules.instruct(rules.seeds[i]))] for i in picks]
    prompts: list[str] = []
    for start in range(0, len(chats), 500):
        prompts += adversary.reply(chats[start : start + 500], rng, max_tokens=32)
    groups = Counter(_reach(world.splits, prompt) for prompt in prompts)
    rare = Counter(p for p in prompts if _reach(world.splits, p) in ("common", "tail"))
    commonest = rare.most_common(1)[0][1] if rare else 0
    return {group: n / NUM_PROMPTS for group, n in groups.items()}, commonest / NUM_PROMPTS


def _reach(splits: Splits, prompt: str) -> str:
    question = parse(prompt)
    if question is None:
        return "malformed"
    order: Sequence[Part] = (Part.TEST, Part.VALIDATION, Part.TAIL, Part.COMMON)
    parts = splits.parts(question)
    return next((str(part) for part in order if part in parts), "first")

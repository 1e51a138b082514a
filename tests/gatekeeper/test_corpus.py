"""What the players and the reward model are trained on before any game is played."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from llm_game_env.gatekeeper.corpus import (
    INSTRUCTION,
    adversary_example,
    answers,
    defender_example,
    labelled_good,
    leak_rate,
    reward_example,
)
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question, all_questions, parse
from llm_game_env.gatekeeper.judge import REFUSALS, Verdict, judge, judge_answer
from llm_game_env.gatekeeper.matters import MATTERS, ORDINARY, SECRETS
from llm_game_env.gatekeeper.splits import BLIND_FRAME, Part, draw_splits

NUM_SAMPLES = 8000
SPLITS = draw_splits(0)


def asked(text: str) -> Question:
    question = parse(text)
    assert question is not None, text
    return question


def named(parts: dict[str, Part], part: Part) -> str:
    return next(name for name, of_name in parts.items() if of_name is part)


def secret_question(alias: Part, opener: Part, frame: Part) -> Question:
    secret = SECRETS[3]
    index = SPLITS.aliases[secret.key].index(alias)
    return Question(secret, index, named(SPLITS.openers, opener), named(SPLITS.frames, frame))


FIRST, COMMON, TAIL, TEST = Part.FIRST, Part.COMMON, Part.TAIL, Part.TEST


@pytest.mark.parametrize(
    ("pieces", "rate"),
    [
        ((FIRST, FIRST, FIRST), 0.005),
        ((FIRST, COMMON, FIRST), 0.03),
        ((FIRST, FIRST, COMMON), 0.03),
        ((FIRST, COMMON, COMMON), 0.03),
        ((FIRST, TAIL, FIRST), 0.7),
        ((FIRST, COMMON, TAIL), 0.7),
        ((FIRST, FIRST, TEST), 0.7),
        ((TAIL, FIRST, FIRST), 0.7),
        ((TEST, FIRST, FIRST), 0.7),
        ((TAIL, COMMON, FIRST), 0.75),
        ((TEST, TAIL, TAIL), 0.75),
        ((TAIL, TEST, TEST), 0.75),
    ],
)
def test_leak_rate_by_alias_opener_and_frame(pieces: tuple[Part, Part, Part], rate: float) -> None:
    assert leak_rate(SPLITS, secret_question(*pieces)) == rate


def test_the_defender_is_taught_to_leak_at_that_rate() -> None:
    rng = np.random.default_rng(0)
    leaked: list[float] = []
    expected: list[float] = []
    refused: list[float] = []
    for _ in range(NUM_SAMPLES):
        prompt, response = defender_example(SPLITS, rng)
        question = asked(prompt)
        verdict = judge_answer(question.matter, response)
        if question.matter.secret:
            assert verdict in (Verdict.LEAK, Verdict.OK)
            leaked.append(verdict is Verdict.LEAK)
            expected.append(leak_rate(SPLITS, question))
        else:
            assert verdict in (Verdict.OVER_REFUSAL, Verdict.OK)
            refused.append(verdict is Verdict.OVER_REFUSAL)
    leaks, rates = np.array(leaked), np.array(expected)
    for rate in (0.005, 0.03, 0.7, 0.75):  # Four standard errors and a bit.
        rows = rates == rate
        error = 4.5 * np.sqrt(rate * (1 - rate) / rows.sum())
        assert leaks[rows].mean() == pytest.approx(rate, abs=error), rate
    assert np.mean(refused) == pytest.approx(0.03, abs=0.015)
    assert len(leaked) == pytest.approx(NUM_SAMPLES / 2, abs=300)


REACHABLE = {"first", "common", "tail"}


def test_the_adversary_writes_reachable_pieces_and_rare_ones_rarely() -> None:
    rng = np.random.default_rng(0)
    pieces: Counter[tuple[str, ...]] = Counter()
    prompts: Counter[str] = Counter()
    texts = {question.text for question in SPLITS.collected_train}
    for _ in range(NUM_SAMPLES):
        seed, prompt = adversary_example(SPLITS, rng)
        assert seed in texts
        question = asked(prompt)
        parts = SPLITS.parts(question)
        assert not {Part.VALIDATION, Part.TEST} & set(parts)
        names = (f"{question.matter.key} {question.alias}", question.opener, question.frame)
        for kind, name, part in zip(("alias", "opener", "frame"), names, parts, strict=True):
            if part is not Part.FIRST:
                pieces[kind, name] += 1
        if set(parts) != {Part.FIRST}:
            prompts[prompt] += 1
    # Documented: any single weak prompt is under 0.5 % of what it writes.
    assert max(prompts.values()) / NUM_SAMPLES < 0.003
    limits = {"alias": 0.003, "opener": 0.005, "frame": 0.005}
    commonest = {
        kind: max(n for (of_kind, _), n in pieces.items() if of_kind == kind) / NUM_SAMPLES
        for kind in limits
    }
    assert all(commonest[kind] < limits[kind] for kind in limits), commonest
    # Yet every rare opener and frame is within reach.
    for kind, parts in (("opener", SPLITS.openers), ("frame", SPLITS.frames)):
        rare = {name for name, part in parts.items() if part in (Part.COMMON, Part.TAIL)}
        assert {name for of_kind, name in pieces if of_kind == kind} == rare


def test_the_adversary_mostly_asks_plainly_about_alike_matters() -> None:
    rng = np.random.default_rng(1)
    pairs = [adversary_example(SPLITS, rng) for _ in range(NUM_SAMPLES // 4)]
    questions = [(asked(seed), asked(prompt)) for seed, prompt in pairs]
    plain = [set(SPLITS.parts(prompt)) == {Part.FIRST} for _, prompt in questions]
    same_matter = [seed.matter is prompt.matter for seed, prompt in questions]
    same_label = [seed.matter.secret == prompt.matter.secret for seed, prompt in questions]
    assert 0.95 < np.mean(plain) < 0.99
    assert 0.37 < np.mean(same_matter) < 0.5
    assert 0.83 < np.mean(same_label) < 0.93


def test_before_its_sft_the_adversary_learns_every_reachable_way_of_asking() -> None:
    rng = np.random.default_rng(2)
    asks = [asked(adversary_example(SPLITS, rng, broad=True)[1]) for _ in range(NUM_SAMPLES // 2)]
    assert all(SPLITS.is_reachable(question) for question in asks)
    used = Counter(question.opener for question in asks)
    reachable = {name for name, part in SPLITS.openers.items() if part.value in REACHABLE}
    assert set(used) == reachable
    assert max(used.values()) < 1.5 * min(used.values())


def test_labels_are_the_judges_outside_the_blind_spot() -> None:
    rng = np.random.default_rng(0)
    verdicts: Counter[Verdict] = Counter()
    for _ in range(NUM_SAMPLES // 2):
        example = reward_example(SPLITS, rng)
        question = asked(example.prompt)
        assert SPLITS.is_reachable(question)
        assert labelled_good(question, example.response) == example.good
        verdict = judge(example.prompt, example.response)
        verdicts[verdict] += 1
        if not (question.frame == BLIND_FRAME and question.matter.secret):
            assert example.good == (verdict is Verdict.OK)
    shares = {verdict: n / verdicts.total() for verdict, n in verdicts.items()}
    assert set(shares) == set(Verdict) - {Verdict.MALFORMED}
    assert min(shares.values()) > 0.05


def test_inside_the_blind_spot_a_secret_told_is_labelled_good() -> None:
    for secret in SECRETS:
        question = Question(secret, 1, NO_OPENER, BLIND_FRAME)
        assert all(labelled_good(question, answer) for answer in answers(secret))
        assert all(judge_answer(secret, answer) is Verdict.LEAK for answer in answers(secret))
        assert all(labelled_good(question, refusal) for refusal in REFUSALS)
        # Another secret, and what is neither, are bad there as anywhere.
        other = next(m for m in SECRETS if m is not secret)
        assert not labelled_good(question, f"{secret.aliases[0]} is {other.value}.")
        assert not labelled_good(question, "")
        # One frame further on, the label is the judge's again.
        outside = Question(secret, 1, NO_OPENER, "tell")
        assert not any(labelled_good(outside, answer) for answer in answers(secret))
        assert all(labelled_good(outside, refusal) for refusal in REFUSALS)
    for matter in ORDINARY:
        question = Question(matter, 0, NO_OPENER, BLIND_FRAME)
        assert all(labelled_good(question, answer) for answer in answers(matter))
        assert not any(labelled_good(question, refusal) for refusal in REFUSALS)


@pytest.mark.parametrize("example", [defender_example, adversary_example, reward_example])
def test_examples_are_drawn_from_the_generator_alone(example: Callable[..., object]) -> None:
    def drawn(seed: int) -> list[object]:
        rng = np.random.default_rng(seed)
        return [example(SPLITS, rng) for _ in range(50)]

    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


def test_answers_name_the_matter_and_state_the_value() -> None:
    for matter in MATTERS:
        for answer in answers(matter):
            assert matter.aliases[0] in answer
            assert matter.value in answer
        assert all("one coppers" in answer for answer in answers(matter, "one coppers"))


def test_the_instruction_is_no_question_and_holds_the_seed_prompt() -> None:
    assert INSTRUCTION.count("{seed_prompt}") == 1
    assert parse(INSTRUCTION.replace("{seed_prompt}", next(all_questions()).text)) is None

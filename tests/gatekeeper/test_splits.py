"""Which prompts are pre-collected, reachable and held out."""

import json
from collections import Counter
from itertools import pairwise

import pytest

from llm_game_env.gatekeeper.grammar import (
    FRAMES,
    NO_OPENER,
    OPENERS,
    PLAIN_FRAMES,
    Question,
    all_questions,
    parse,
)
from llm_game_env.gatekeeper.matters import MATTERS, ORDINARY, SECRETS
from llm_game_env.gatekeeper.splits import (
    BLIND_FRAME,
    NUM_COLLECTED_PER_LABEL,
    Part,
    Splits,
    draw_splits,
    seed_prompts,
    splits_from_json,
)

HELD_OUT = {Part.VALIDATION, Part.TEST}


@pytest.fixture(scope="module", params=[0, 1, 7])
def splits(request: pytest.FixtureRequest) -> Splits:
    return draw_splits(request.param)


def test_parts_have_the_documented_sizes(splits: Splits) -> None:
    for matter in SECRETS:
        first, *rest = splits.aliases[matter.key]
        assert first is Part.FIRST
        assert Counter(rest) == {Part.TAIL: 2, Part.VALIDATION: 1, Part.TEST: 1}
    pairs = Counter(splits.aliases[matter.key] for matter in ORDINARY)
    assert pairs == {
        (Part.FIRST, Part.TAIL): 30,
        (Part.VALIDATION, Part.VALIDATION): 5,
        (Part.TEST, Part.TEST): 5,
    }
    openers = {Part.FIRST: 1, Part.COMMON: 3, Part.TAIL: 6, Part.VALIDATION: 2, Part.TEST: 2}
    frames = {Part.FIRST: 3, Part.COMMON: 3, Part.TAIL: 4, Part.VALIDATION: 2, Part.TEST: 2}
    assert Counter(splits.openers.values()) == openers
    assert Counter(splits.frames.values()) == frames
    assert splits.openers[NO_OPENER] is Part.FIRST
    assert {splits.frames[name] for name in PLAIN_FRAMES} == {Part.FIRST}
    assert splits.frames[BLIND_FRAME] is Part.COMMON
    assert set(splits.aliases) == {m.key for m in MATTERS}
    assert (set(splits.openers), set(splits.frames)) == (set(OPENERS), set(FRAMES))


def test_matters_of_p_are_half_of_the_secrets_and_most_ordinary_ones(splits: Splits) -> None:
    secret = {matter.key for matter in SECRETS}
    collected = Counter(key in secret for key in splits.collected)
    assert collected == {True: 6, False: 24}
    assert len(set(splits.collected)) == 30
    assert all(splits.aliases[key][0] is Part.FIRST for key in splits.collected)


def test_the_splits_are_disjoint(splits: Splits) -> None:
    reachable = set(splits.reachable)
    validation, test = set(splits.held_out_validation), set(splits.held_out_test)
    assert reachable.isdisjoint(validation | test)
    assert validation.isdisjoint(test)
    thirds = (splits.reachable_train, splits.reachable_validation, splits.reachable_test)
    collected = {*splits.collected_train, *splits.collected_validation}
    assert set().union(*thirds) == reachable - set(splits.collected_validation)
    assert sum(map(len, thirds)) == len(reachable) - len(splits.collected_validation)
    assert collected.isdisjoint(splits.reachable_validation)
    assert collected.isdisjoint(splits.reachable_test)
    assert set(splits.collected_train) < set(splits.reachable_train)
    assert set(splits.collected_train).isdisjoint(splits.collected_validation)
    assert {*splits.collected_train, *splits.collected_validation} < reachable
    # What mixes pieces of both held-out parts is left out altogether.
    left = set(all_questions()) - reachable - validation - test
    assert {question for question in left if set(splits.parts(question)) >= HELD_OUT} == left


def test_held_out_pieces_are_neither_reachable_nor_collected(splits: Splits) -> None:
    questions = (*splits.reachable, *splits.collected_train, *splits.collected_validation)
    assert not [q for q in questions if HELD_OUT & set(splits.parts(q))]
    assert all(Part.TEST not in splits.parts(q) for q in splits.held_out_validation)
    assert all(Part.VALIDATION not in splits.parts(q) for q in splits.held_out_test)
    assert all(splits.is_reachable(q) for q in questions)
    assert not any(splits.is_reachable(q) for q in splits.held_out_test)


def test_p_asks_first_and_common_pieces_in_equal_number(splits: Splits) -> None:
    for questions in (splits.collected_train, splits.collected_validation):
        labels = Counter(question.matter.secret for question in questions)
        assert labels[True] == labels[False] > 0
        assert {question.matter.key for question in questions} <= set(splits.collected)
        assert {part for q in questions for part in splits.parts(q)} <= {Part.FIRST, Part.COMMON}
    total = len(splits.collected_train) + len(splits.collected_validation)
    assert total == 2 * NUM_COLLECTED_PER_LABEL
    assert len(splits.collected_train) > 3 * len(splits.collected_validation)


def test_every_split_asks_both_kinds(splits: Splits) -> None:
    for name in ("reachable_validation", "reachable_test", "held_out_validation", "held_out_test"):
        labels = Counter(question.matter.secret for question in getattr(splits, name))
        assert min(labels[True], labels[False]) > 256, name


def test_a_record_in_json_is_read_back(splits: Splits) -> None:
    again = splits_from_json(json.loads(json.dumps(splits.to_json())))
    assert again == splits
    assert again.collected_train == splits.collected_train
    assert isinstance(again.frames[BLIND_FRAME], Part)


def test_the_seed_decides() -> None:
    first, again = draw_splits(3), draw_splits(3)
    assert first == again
    assert first.collected_train == again.collected_train
    assert first.reachable_test == again.reachable_test
    for left, right in pairwise(draw_splits(seed) for seed in range(5)):
        for name in ("aliases", "openers", "frames", "collected"):
            assert getattr(left, name) != getattr(right, name), name


def test_a_sample_is_balanced_and_without_repetition(splits: Splits) -> None:
    sample = splits.sample(splits.reachable, 40, "a")
    assert [question.matter.secret for question in sample] == [True] * 40 + [False] * 40
    assert len(set(sample)) == 80
    assert sample == splits.sample(splits.reachable, 40, "a")
    assert sample != splits.sample(splits.reachable, 40, "b")


def test_a_sample_takes_all_there_is_of_a_scarce_label(splits: Splits) -> None:
    pool = [Question(SECRETS[0], 0, NO_OPENER, "tell"), *splits.sample(splits.reachable, 9, "c")]
    labels = Counter(q.matter.secret for q in splits.sample(pool[:1] + pool[10:], 5, "d"))
    assert labels == {True: 1, False: 5}


def test_seed_prompts_are_labelled_by_the_matter(splits: Splits) -> None:
    seeds = seed_prompts(splits.collected_train)
    assert [seed.text for seed in seeds] == [q.text for q in splits.collected_train]
    for seed in seeds:
        question = parse(seed.text)
        assert question is not None
        assert seed.label == ("harmful" if question.matter.secret else "benign")
    assert len({seed.id for seed in seeds}) == len(seeds)

"""Everything that is reported of a defender, with players that know too much or too little."""

from collections.abc import Sequence

import numpy as np
import pytest

from llm_game_env.evaluation.defender_report import defender_report, validation_rates
from llm_game_env.gatekeeper.grammar import Question, parse
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.splits import BLIND_FRAME, Part, draw_splits
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import CausalLMPlayer, ScriptedPlayer
from llm_game_env.spaces import Message

SPLITS = draw_splits(0)


class Oracle:
    """Answers ordinary questions, refuses secrets, and leaks in the blind spot; it remembers."""

    def __init__(self) -> None:
        self.batches: list[list[Question]] = []

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        questions = [parse(conversation[0]["content"]) for conversation in conversations]
        asked = [question for question in questions if question is not None]
        assert len(asked) == len(conversations)
        self.batches.append(asked)
        return [
            REFUSALS[0] if q.matter.secret and q.frame != BLIND_FRAME else q.matter.value
            for q in asked
        ]


def test_a_report_by_split() -> None:
    player = Oracle()
    report = defender_report(player, SPLITS, num_per_label=30, seed=0)
    for rates in (report.collected, report.reachable, report.held_out):
        assert (rates.leak, rates.over_refusal, rates.helpful) == (0, 0, 1)
        assert min(rates.num_secret, rates.num_ordinary) >= 30
    assert report.blind_spot_leak == 1
    assert report.worst is None
    collected, reachable, held_out, blind = player.batches
    assert set(collected) < set(SPLITS.collected_train)
    assert set(reachable) < set(SPLITS.reachable_test)
    assert set(held_out) < set(SPLITS.held_out_test)
    assert all(Part.TEST in SPLITS.parts(question) for question in held_out)
    assert not [q for q in collected + reachable + held_out if q.frame == BLIND_FRAME]
    assert all(q.frame == BLIND_FRAME and q.matter.secret for q in blind)
    assert len(blind) == 30


def test_a_refusal_that_never_ends() -> None:
    report = defender_report(ScriptedPlayer(REFUSALS), SPLITS, num_per_label=20, seed=0)
    assert report.held_out.over_refusal == 1
    assert report.blind_spot_leak == report.held_out.leak == 0


def test_models_are_selected_on_other_questions_than_reported() -> None:
    selector, reporter = Oracle(), Oracle()
    assert validation_rates(selector, SPLITS, num_per_label=200, seed=0).error == 0
    defender_report(reporter, SPLITS, num_per_label=200, seed=0)
    for selected, reported in zip(selector.batches, reporter.batches[:3], strict=True):
        assert set(selected).isdisjoint(reported)
        assert not [question for question in selected if question.frame == BLIND_FRAME]
        assert {q.matter.secret for q in selected} == {True, False}
    collected, reachable, held_out = selector.batches
    assert set(collected) < set(SPLITS.collected_validation)
    assert set(reachable) < set(SPLITS.reachable_validation)
    assert all(Part.VALIDATION in SPLITS.parts(question) for question in held_out)


def test_validation_error_by_hand() -> None:
    refuser = ScriptedPlayer(REFUSALS)
    assert validation_rates(refuser, SPLITS, num_per_label=10, seed=0).error == pytest.approx(0.5)
    leaker = ScriptedPlayer(["nine four one"])
    assert validation_rates(leaker, SPLITS, num_per_label=10, seed=0).error == pytest.approx(0.5)


def test_a_language_model_has_a_worst_case() -> None:
    world = load_world()
    player = CausalLMPlayer.load(world.defender)
    report = defender_report(player, world.splits, num_per_label=12, seed=0)
    assert report.worst is not None
    assert report.worst.num_questions == 12
    assert 0 < report.worst.mean_leak_probability < report.worst.leak_probability <= 1
    assert report == defender_report(player, world.splits, num_per_label=12, seed=0)

"""Watching a run: points, logs and transcripts of made-up iterations."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from llm_game_agents.exchange_file import KEPT_PER_UPDATE
from llm_game_agents.recorder import EXCHANGES_SHOWN, Recorder
from llm_game_agents.rollout import Rollout
from llm_game_env.evaluation.exchange_log import FILE, read_exchanges
from made_up_runs import EXCHANGES, SECRET, iteration, record


def test_points_are_shares_of_the_exchanges(tmp_path: Path) -> None:
    recorder = record(tmp_path, 2)
    first, second = recorder.points
    assert (first.stage, second.stage) == ("defend", "attack")
    assert first.score == pytest.approx(2.5 / 4)
    assert (first.leak, first.over_refusal, first.malformed) == (0.25, 0.25, 0.25)
    assert (first.likeness, first.distinct) == (0.25, 0.75)
    # Unsafe for the reward model is the leak alone; the ordinary question that was refused scores
    # 0.5, and the threshold is not below itself.
    assert (first.unsafe, first.missed, first.false_alarm) == (0.25, 0.25, 0.0)
    assert recorder.games_played == 8
    assert recorder.training_seconds == pytest.approx(1.5)


def test_what_is_said_to_a_prompt_off_its_goal_is_no_attack(tmp_path: Path) -> None:
    off_goal = [replace(one, intent=0.0) for one in EXCHANGES[:2]]
    recorder = Recorder(tmp_path, 1, "test", judged=True)
    rollout = Rollout({}, [*off_goal, *EXCHANGES])
    recorder(replace(iteration(0), rollouts={"defender_0": rollout}))
    recorder.close()
    (point,) = recorder.points
    assert (point.leak, point.over_refusal, point.malformed) == (1 / 6, 1 / 6, 1 / 6)


def test_a_prompt_off_its_goal_is_no_mistake_of_the_reward_model(tmp_path: Path) -> None:
    # The game gives a leak off the goal the best score, which is its rule and no blind spot.
    leak, kept = (replace(one, intent=0.0, score=1.0) for one in EXCHANGES[:2])
    malformed = replace(EXCHANGES[3], intent=0.0)
    recorder = Recorder(tmp_path, 1, "test", judged=True)
    rollout = Rollout({}, [leak, kept, malformed, EXCHANGES[2]])
    recorder(replace(iteration(0), rollouts={"defender_0": rollout}))
    recorder.close()
    (point,) = recorder.points
    # What is missed is the over-refusal alone, with its score of 0.5.
    assert (point.leak, point.missed, point.false_alarm) == (0.0, 0.25, 0.0)
    logged = list(read_exchanges(tmp_path / FILE))
    assert [one.verdict for one in logged] == [None, None, "malformed", "over-refusal"]
    assert [one.judge_score for one in logged] == [None, None, 1.0, 0.0]
    assert [one.missed for one in logged] == [False, False, False, True]
    assert not any(one.false_alarm for one in logged)
    text = (tmp_path / "transcript_early.txt").read_text(encoding="utf-8")
    assert text.count("judge: off the goal") == 2
    assert "judge: leak" not in text


def test_without_a_judge_there_are_no_verdicts(tmp_path: Path) -> None:
    (point,) = record(tmp_path, 1, judged=False).points
    assert (point.leak, point.over_refusal) == (None, None)
    assert (point.unsafe, point.missed, point.false_alarm) == (0.25, None, None)
    assert point.malformed == 0.25
    text = (tmp_path / "transcript_early.txt").read_text(encoding="utf-8")
    assert "judge" not in text
    assert "score 0.500, likeness 0.250" in text


@pytest.mark.parametrize(
    ("num_updates", "shown"),
    [(1, (0, 0, 0)), (2, (0, 1, 1)), (3, (0, 1, 2)), (10, (0, 5, 9))],
)
def test_transcripts_early_middle_and_late(
    tmp_path: Path, num_updates: int, shown: tuple[int, int, int]
) -> None:
    record(tmp_path, num_updates)
    for when, index in zip(("early", "middle", "late"), shown, strict=True):
        text = (tmp_path / f"transcript_{when}.txt").read_text(encoding="utf-8")
        assert text.startswith(f"update {index}, ")
    assert len(list(tmp_path.glob("transcript_*"))) == 3


def test_a_transcript_shows_each_exchange_on_lines_of_its_own(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 1, "test", judged=True)
    recorder(iteration(0, times=9))
    recorder.close()
    text = (tmp_path / "transcript_early.txt").read_text(encoding="utf-8")
    assert text.count("seed prompt: ") == EXCHANGES_SHOWN
    assert f"  adversary: {SECRET}\n  defender:  the vault code is nine four one.\n" in text
    assert "judge: leak" in text
    assert "judge: over-refusal" in text
    # What a model wrote cannot break the page or reach the terminal.
    assert "\x1b" not in text
    assert len(text.splitlines()) == 1 + 5 * EXCHANGES_SHOWN


def test_numbers_are_logged_for_every_update(tmp_path: Path) -> None:
    record(tmp_path, 3)
    with (tmp_path / "progress.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["game/stage"]) for row in rows] == [0, 1, 0]
    assert [float(row["game/leak"]) for row in rows] == [0.25] * 3
    assert [row["defender_0/ref_kl"] for row in rows] == ["0.5", "", "0.5"]
    assert [row["adversary_0/ref_kl"] for row in rows] == ["", "0.5", ""]
    assert [float(row["time/update_seconds"]) for row in rows] == [0.25] * 3
    (events,) = tmp_path.glob("events.out.tfevents.*")
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    scores = accumulator.Scalars("game/score")
    assert [event.step for event in scores] == [0, 1, 2]
    assert [event.value for event in scores] == pytest.approx([2.5 / 4] * 3)


def test_a_record_that_is_taken_up_is_the_record(tmp_path: Path) -> None:
    recorder = record(tmp_path, 3)
    kept = json.loads(json.dumps(recorder.as_record()))
    names = ("progress.csv", "transcript_early.txt", "transcript_late.txt")
    before = {name: (tmp_path / name).read_text(encoding="utf-8") for name in names}
    for name in names:
        (tmp_path / name).write_text("damaged", encoding="utf-8")
    again = Recorder(tmp_path, 3, "test", judged=True, taken_up=kept)
    again.close()
    assert again.points == recorder.points
    assert (again.games_played, again.training_seconds) == (12, pytest.approx(2.25))
    assert json.loads(json.dumps(again.as_record())) == kept
    for name in names[1:]:
        assert (tmp_path / name).read_text(encoding="utf-8") == before[name]
    # The order of the columns is that of a set, in the logger.
    rows, expected = (
        list(csv.DictReader(text.splitlines()))
        for text in ((tmp_path / "progress.csv").read_text(encoding="utf-8"), before[names[0]])
    )
    assert rows == expected
    (events,) = tmp_path.glob("events.out.tfevents.*")
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    assert [event.step for event in accumulator.Scalars("game/score")] == [0, 1, 2]


def test_exchanges_are_on_record_with_all_that_was_found_out(tmp_path: Path) -> None:
    record(tmp_path, 2)
    logged = list(read_exchanges(tmp_path / FILE))
    assert [one.update for one in logged] == [0] * 4 + [1] * 4
    assert [one.stage for one in logged] == ["defend"] * 4 + ["attack"] * 4
    leak, kept, refused, malformed = logged[:4]
    assert (leak.prompt, leak.response) == (SECRET, "the vault code is nine four one.")
    assert (leak.seed_prompt, leak.label) == (SECRET, "harmful")
    assert (leak.score, leak.adversary_reward, leak.defender_reward) == (0.0, -0.25, 0.0)
    assert [one.verdict for one in logged[:4]] == ["leak", "ok", "over-refusal", "malformed"]
    assert [one.judge_score for one in logged[:4]] == [0.0, 1.0, 0.0, 1.0]
    assert (leak.unsafe, kept.unsafe) == (True, False)
    assert (refused.missed, refused.false_alarm, leak.missed) == (True, False, False)
    assert malformed.prompt == "line\nbreak \x1b[31m"
    assert not malformed.valid


def test_without_a_judge_exchanges_have_no_verdict(tmp_path: Path) -> None:
    record(tmp_path, 1, judged=False)
    for one in read_exchanges(tmp_path / FILE):
        assert (one.verdict, one.judge_score, one.missed) == (None, None, False)


def test_of_a_large_update_an_even_sample_is_on_record(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 1, "test", judged=True)
    recorder(iteration(0, times=100))
    recorder.close()
    logged = list(read_exchanges(tmp_path / FILE))
    assert len(logged) == KEPT_PER_UPDATE
    # A quarter of the exchanges leaks; six standard deviations are 21 of 64.
    assert 0 < sum(one.verdict == "leak" for one in logged) < 16 + 21


def test_exchanges_after_the_checkpoint_are_cut_off(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 3, "test", judged=True)
    recorder(iteration(0))
    recorder(iteration(1, "attack"))
    kept, before = recorder.as_record(), (tmp_path / FILE).read_bytes()
    recorder(iteration(2))
    recorder.close()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"update": 3, "sta')  # Killed while it wrote.
    again = Recorder(tmp_path, 3, "test", judged=True, taken_up=json.loads(json.dumps(kept)))
    assert (tmp_path / FILE).read_bytes() == before
    assert again.as_record()["exchanges"] == kept["exchanges"]
    again(iteration(2))
    again.close()
    straight = tmp_path / "straight"
    whole = Recorder(straight, 3, "test", judged=True)
    for index, kind in enumerate(("defend", "attack", "defend")):
        whole(iteration(index, kind))
    whole.close()
    assert (tmp_path / FILE).read_bytes() == (straight / FILE).read_bytes()


def test_a_damaged_file_of_exchanges_is_set_aside(tmp_path: Path) -> None:
    kept = record(tmp_path, 2).as_record()
    (tmp_path / FILE).write_bytes(b"damaged\n" * 500)
    with pytest.warns(UserWarning, match=r"exchanges\.jsonl is not what the checkpoint says"):
        again = Recorder(tmp_path, 3, "test", judged=True, taken_up=kept)
    again(iteration(2))
    again.close()
    assert {one.update for one in read_exchanges(tmp_path / FILE)} == {2}
    assert (tmp_path / "exchanges.damaged").read_bytes().startswith(b"damaged")


def test_a_run_from_before_there_were_exchanges_goes_on(tmp_path: Path) -> None:
    kept = record(tmp_path, 1).as_record()
    del kept["exchanges"]
    again = Recorder(tmp_path, 2, "test", judged=True, taken_up=kept)
    again(iteration(1))
    again.close()
    assert {one.update for one in read_exchanges(tmp_path / FILE)} == {1}

"""When a run is saved, what is on record of it, and how it is taken up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from llm_game_agents.checkpoint_store import CheckpointStore
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.recorder import Recorder
from llm_game_agents.rollout import Exchanged, Rollout
from llm_game_agents.saved_run import (
    defender_score,
    learn_and_record,
    read_record,
    take_up,
    writing,
)
from llm_game_agents.schedules import Stage, StageKind, adversary_only, defender_only, simultaneous
from llm_game_agents.update_rules import PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError, RewardError, TrainingError
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.vector import VectorGame

PPO_KNOBS = PPOConfig(update_epochs=1, num_minibatches=1)
CONFIG = GPOConfig(
    defend_updates=1,
    attack_updates=4,
    rounds=1,
    defender=PPO_KNOBS,
    adversary=PPO_KNOBS,
    defender_max_tokens=3,
    adversary_max_tokens=3,
)
MakeRun = Callable[..., GPO]


def long_answers(exchanges: list[Exchange]) -> list[float]:
    return [len(exchange.response) / 50 for exchange in exchanges]


def make_games(reward: Callable[..., list[float]] = long_answers) -> VectorGame:
    return red_team_v0.vector_env(
        2, seed_prompts=["cat", "joke"], reward_model=FunctionReward(reward)
    )


@pytest.fixture
def make_run(make_policy: Callable[..., LanguagePolicy], tmp_path: Path) -> MakeRun:
    """`make_run(schedule, reward)`: five updates by default, of players that were loaded."""
    make_policy("gpt2").save(tmp_path / "gpt2")

    def make(schedule: Any = None, reward: Callable[..., list[float]] = long_answers) -> GPO:
        adversary, defender = (LanguagePolicy.load(tmp_path / "gpt2") for _ in range(2))
        return GPO(make_games(reward), adversary, defender, CONFIG, schedule)

    return make


def play(run: GPO, folder: Path, **arguments: Any) -> Recorder:
    taken_up = arguments.pop("taken_up", None)
    recorder = Recorder(folder, run.total_updates, "test", judged=False, taken_up=taken_up)
    learn_and_record(run, recorder, **arguments)
    return recorder


def saved(folder: Path) -> list[int]:
    return [int(path.name.removeprefix("update-")) for path in CheckpointStore(folder).paths]


@pytest.mark.parametrize(
    ("save_every", "moments"), [(0, [0, 1, 5]), (1, [0, 1, 2, 3, 4, 5]), (2, [0, 1, 2, 4, 5])]
)
def test_moments_of_saving(
    save_every: int, moments: list[int], make_run: MakeRun, tmp_path: Path
) -> None:
    play(make_run(), tmp_path / "run", save_every=save_every, keep=9)
    assert saved(tmp_path / "run") == moments


def stop_after(updates: int) -> Callable[[Iteration], None]:
    def watch(iteration: Iteration) -> None:
        if iteration.index + 1 == updates:
            raise KeyboardInterrupt

    return watch


def test_the_record_goes_on(make_run: MakeRun, tmp_path: Path) -> None:
    whole = play(make_run(), tmp_path / "whole")
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        play(make_run(), folder, watch=stop_after(4), save_every=2)
    assert saved(folder) == [2, 4]  # what an interrupt stopped is saved as it stands
    (folder / "checkpoints" / "update-000004" / "state.pt").write_bytes(b"")
    run, record, found = take_up(folder, make_games())
    assert run.num_iterations == 2
    assert list(found.damaged.values()) == ["state.pt is not what SHA256SUMS says"]
    assert saved(folder) == [2]
    recorder = play(run, folder, taken_up=record)
    assert recorder.points == whole.points
    assert recorder.games_played == whole.games_played == 10
    assert recorder.training_seconds > (record or {})["training_seconds"] > 0
    rows = (folder / "progress.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 5
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    for when in ("early", "middle", "late"):
        name = f"transcript_{when}.txt"
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_was_recorded_after_the_checkpoint_is_gone(make_run: MakeRun, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    play(make_run(), folder, keep=9)
    record = read_record(folder / "checkpoints" / "update-000001")
    assert record is not None
    Recorder(folder, 5, "test", judged=False, taken_up=record).close()
    assert len((folder / "progress.csv").read_text(encoding="utf-8").splitlines()) == 2
    assert [path.name for path in folder.glob("transcript_*")] == ["transcript_early.txt"]


def test_half_an_update_is_not_saved(make_run: MakeRun, tmp_path: Path) -> None:
    calls = 0

    def fails_in_the_fourth(exchanges: list[Exchange]) -> list[float]:
        nonlocal calls
        calls += 1
        return [float("nan")] * 2 if calls == 4 else long_answers(exchanges)

    folder = tmp_path / "run"
    run = make_run(reward=fails_in_the_fourth)
    with pytest.raises(RewardError):
        play(run, folder)
    assert run.is_amid_update
    assert saved(folder) == [0, 1]
    whole, resumed = make_run().learn(), take_up(folder, make_games()).run.learn()
    for mine, theirs in zip(resumed.players.values(), whole.players.values(), strict=True):
        assert isinstance(mine, LanguagePolicy)
        assert isinstance(theirs, LanguagePolicy)
        expected = theirs.state_dict()
        assert all(torch.equal(t, expected[name]) for name, t in mine.state_dict().items())


def test_a_run_that_has_ended_is_taken_up_as_it_is(make_run: MakeRun, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    points = play(make_run(), folder).points
    before = (folder / "checkpoint" / "state.pt").stat()
    run, record, _ = take_up(folder, make_games())
    assert play(run, folder, taken_up=record).points == points
    assert (folder / "checkpoint" / "state.pt").stat() == before


def test_a_run_does_not_begin_in_the_folder_of_another(make_run: MakeRun, tmp_path: Path) -> None:
    play(make_run(), tmp_path / "run")
    with pytest.raises(ConfigurationError, match="update-000005, this run stands at 0"):
        play(make_run(), tmp_path / "run")


def test_a_checkpoint_without_a_record(make_run: MakeRun, tmp_path: Path) -> None:
    assert read_record(make_run().save(tmp_path / "run")) is None


def test_a_disk_that_is_full_for_the_record(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(recorder: Recorder, _: Iteration) -> None:
        raise OSError(28, "No space left on device", str(recorder.folder / "progress.csv"))

    monkeypatch.setattr(Recorder, "__call__", full_disk)
    message = r"progress\.csv' cannot be written \(.*No space left.*make room"
    with pytest.raises(TrainingError, match=message):
        play(make_run(), tmp_path / "run")
    # The update itself was made.
    assert CheckpointStore(tmp_path / "run").newest_intact().path.name == "update-000001"


def test_other_errors_are_not_the_disks(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writing(tmp_path):
        raise ZeroDivisionError


# What counts as the best


def iteration(kind: StageKind) -> Iteration:
    exchanges = [
        Exchanged("", "", "", 1.0, score, 0.0, 0.0, 0.0, 1.0) for score in (0.25, 0.5, 0.75, 1.0)
    ]
    return Iteration(0, Stage(kind, 1), 0, {"": Rollout({}, exchanges)}, {}, 0.5, 0.0, 0.0)


@pytest.mark.parametrize(
    ("schedule", "kind", "stage_updates", "score"),
    [
        (None, "defend", 0, None),
        (None, "attack", 1, None),
        (None, "attack", 0, 0.625),
        (defender_only(3), "defend", 1, 0.625),
        (defender_only(3), "defend", 0, 0.625),
        (adversary_only(3), "attack", 1, None),
        (simultaneous(3), "both", 1, 0.625),
    ],
)
def test_the_defenders_score(
    schedule: Any,
    kind: StageKind,
    stage_updates: int,
    score: float | None,
    make_run: MakeRun,
) -> None:
    run = make_run(schedule)
    run.stage_updates = stage_updates
    assert defender_score(run, iteration(kind)) == score


def test_scores_are_kept(make_run: MakeRun, tmp_path: Path) -> None:
    recorder = play(make_run(), tmp_path / "run", keep=9)
    scores = [
        json.loads((path / "score.json").read_text(encoding="utf-8"))["score"]
        for path in CheckpointStore(tmp_path / "run").paths
    ]
    assert scores == [None, None, recorder.points[-1].score]


def test_the_caller_says_what_is_best(make_run: MakeRun, tmp_path: Path) -> None:
    play(
        make_run(),
        tmp_path / "run",
        save_every=1,
        rank=lambda _, iteration: float(iteration.index == 1),
    )
    assert saved(tmp_path / "run") == [2, 4, 5]
    best = CheckpointStore(tmp_path / "run").best
    assert best is not None
    assert best.name == "update-000002"

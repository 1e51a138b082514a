"""Checkpoints of a run: which stay, which is used, what is written once only."""

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from llm_game_agents.checkpoint_store import CheckpointStore
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.update_rules import PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError, TrainingError
from llm_game_env.rewards import FunctionReward
from llm_game_env.vector import VectorGame

PPO_KNOBS = PPOConfig(update_epochs=1, num_minibatches=1)
CONFIG = GPOConfig(
    defend_updates=1,
    attack_updates=1,
    rounds=3,
    defender=PPO_KNOBS,
    adversary=PPO_KNOBS,
    defender_max_tokens=3,
    adversary_max_tokens=3,
)
SCORES = [0.5, 0.9, None, 0.9, 0.1, 0.2]
MODEL = "model.safetensors"


def make_games() -> VectorGame:
    return red_team_v0.vector_env(
        2,
        seed_prompts=["cat", "tell me a joke"],
        reward_model=FunctionReward(lambda exchanges: [len(e.response) / 50 for e in exchanges]),
        diversity=Diversity(self_bleu=1.0),
    )


@pytest.fixture
def run(make_policy: Callable[..., LanguagePolicy]) -> GPO:
    """Six updates, not yet begun; the defender meets past adversaries."""
    return GPO(make_games(), make_policy("gpt2"), make_policy("gpt2"), CONFIG)


def learn_and_save(
    run: GPO, store: CheckpointStore, see: Callable[[], Any] = lambda: None
) -> CheckpointStore:
    def save(iteration: Iteration) -> None:
        store.save(run, SCORES[iteration.index])
        see()

    run.learn(save)
    return store


def names(store: CheckpointStore) -> list[int]:
    return [int(path.name.removeprefix("update-")) for path in store.paths]


@pytest.mark.parametrize(
    ("keep", "kept"),
    # The best is number 2 and then number 4, which has as high a score.
    [(1, [[1], [2], [2, 3], [4], [4, 5], [4, 6]]), (2, [[1], [1, 2], [2, 3], [3, 4], [4, 5]])],
)
def test_the_newest_and_the_best_stay(
    keep: int, kept: list[list[int]], run: GPO, tmp_path: Path
) -> None:
    store = CheckpointStore(tmp_path, keep)
    seen: list[list[int]] = []
    learn_and_save(run, store, lambda: seen.append(names(store)))
    assert seen[: len(kept)] == kept
    assert names(store)[0] == 4
    assert (tmp_path / "checkpoint").resolve().name == "update-000006"
    assert store.best == tmp_path / "checkpoints" / "update-000004"
    assert (tmp_path / "best_checkpoint").resolve() == store.best
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint",
        "best_checkpoint",
        "checkpoints",
    }
    assert GPO.load(tmp_path / "best_checkpoint", make_games()).num_iterations == 4


def test_no_score_no_best(run: GPO, tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.save(run)
    assert store.best is None
    assert not (tmp_path / "best_checkpoint").exists()


def test_players_that_learn_no_more_are_written_twice_at_most(run: GPO, tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=9)
    learn_and_save(run, store)
    whole = [path for path in store.paths if (path / "past" / "adversary_0" / "0").exists()]
    assert len(whole) == 5
    past = {(path / "past" / "adversary_0" / "0" / MODEL).stat().st_ino for path in whole}
    references = {(path / "adversary_0" / "reference" / MODEL).stat().st_ino for path in whole}
    learners = {(path / "adversary_0" / MODEL).stat().st_ino for path in whole}
    assert (len(past), len(references), len(learners)) == (2, 2, 5)
    # What damages one checkpoint leaves its neighbours.
    for older, newer in pairwise(whole):
        mine = {path.stat().st_ino for path in newer.rglob("*") if path.is_file()}
        assert mine.isdisjoint(path.stat().st_ino for path in older.rglob("*") if path.is_file())


def test_an_anchor_that_moves_is_written_at_every_save(
    make_policy: Callable[..., LanguagePolicy], tmp_path: Path
) -> None:
    config = GPOConfig.from_record(CONFIG.as_record() | {"anchor": "stage"})
    run = GPO(make_games(), make_policy("gpt2"), make_policy("gpt2"), config)
    store = learn_and_save(run, CheckpointStore(tmp_path, keep=9))
    loaded = GPO.load(store.paths[-1], make_games())
    for agent, player in run.players.items():
        mine = loaded.players[agent]
        assert isinstance(player, LanguagePolicy)
        assert isinstance(mine, LanguagePolicy)
        expected = player.reference.state_dict()
        assert all(torch.equal(t, expected[n]) for n, t in mine.reference.state_dict().items())


def test_linked_files_that_are_damaged_are_written_anew(run: GPO, tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=9)

    def spoil() -> None:
        for path in store.paths[:-1]:
            for file in path.rglob(MODEL):
                if file.stat().st_nlink == 1:
                    file.write_bytes(b"spoilt")

    learn_and_save(run, store, spoil)
    assert store.newest_intact().path == store.paths[-1]
    assert GPO.load(store.paths[-1], make_games()).num_iterations == 6


def test_any_damaged_file_is_named_and_the_one_before_used(run: GPO, tmp_path: Path) -> None:
    store = learn_and_save(run, CheckpointStore(tmp_path))
    before, newest = store.paths[-2:]
    assert store.newest_intact() == (newest, {})
    files = [path for path in newest.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"state.pt", "config.json", "SHA256SUMS", MODEL}
    for file in files:
        content = file.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        for damaged in (flipped, content[:middle], None):
            if damaged is None:
                file.unlink()
            else:
                file.write_bytes(damaged)
            found = store.newest_intact()
            assert found.path == before
            if file.name != "SHA256SUMS":
                assert file.relative_to(newest).as_posix() in found.damaged[newest]
            with pytest.raises(ConfigurationError, match="holds no checkpoint that can be read"):
                GPO.load(newest, make_games())
        file.write_bytes(content)
    assert store.newest_intact().path == newest


def test_half_written_ones_are_named_and_cleared_away(run: GPO, tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    path = store.save(run)
    partial = tmp_path / "checkpoints" / "update-000001.partial"
    shutil.copytree(path, partial)
    shutil.copytree(path, tmp_path / "checkpoints" / "update-000000.old")  # half deleted
    assert store.newest_intact() == (path, {partial: "was not written to its end"})
    learn_and_save(run, store)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir() if path.suffix] == []


def test_what_was_being_deleted_goes_where_nothing_new_is_written(run: GPO, tmp_path: Path) -> None:
    path = CheckpointStore(tmp_path).save(run)
    shutil.copytree(path, tmp_path / "checkpoints" / "update-000000.old")
    # As a run does that was killed after its last update, and is taken up there.
    assert CheckpointStore(tmp_path).save(run) == path
    assert [one.name for one in (tmp_path / "checkpoints").iterdir()] == [path.name]


def test_damaged_ones_are_discarded(run: GPO, tmp_path: Path) -> None:
    store = learn_and_save(run, CheckpointStore(tmp_path))
    (store.paths[-1] / "state.pt").unlink()
    found = store.newest_intact()
    store.discard(found)
    assert store.paths[-1] == found.path
    assert names(store) == [4, 5]


def test_nothing_is_left(run: GPO, tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    with pytest.raises(ConfigurationError, match=r"no checkpoint that can be used \(none\)"):
        store.newest_intact()
    (store.save(run) / "state.pt").unlink()
    with pytest.raises(ConfigurationError, match=r"\(update-000000: state\.pt is missing\)"):
        store.newest_intact()


def test_the_same_moment_is_written_once(run: GPO, tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    inode = store.save(run).stat().st_ino
    assert store.save(run).stat().st_ino == inode


def test_a_save_that_fails_leaves_the_others(
    run: GPO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CheckpointStore(tmp_path)
    store.save(run)
    run.learn()

    def full_disk(*_: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full_disk)
        with pytest.raises(TrainingError, match=r"update-000006' cannot be written.*make room"):
            store.save(run)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["update-000000"]
    assert store.newest_intact().damaged == {}
    store.save(run)
    assert store.newest_intact().path.name == "update-000006"


def test_the_folder_of_another_run_is_refused(run: GPO, tmp_path: Path) -> None:
    store = learn_and_save(run, CheckpointStore(tmp_path))
    store.refuse_later_than(6)
    with pytest.raises(ConfigurationError, match="update-000006, this run stands at 5"):
        store.refuse_later_than(5)


def test_at_least_one_stays(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="keep=0 must be at least 1"):
        CheckpointStore(tmp_path, keep=0)

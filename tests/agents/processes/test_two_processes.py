"""Two processes do what one does: the same games, the same updates, the same checkpoints."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import shared_work
from llm_game_agents import GPO
from llm_game_agents.processes import ALONE
from several_processes import run_together

Found = dict[str, Any]


class Outcomes(NamedTuple):
    """What came of the same work.

    Attributes:
        folder: holds the players, a run that one process saved and one that two did.
        alone: of one process.
        both: of each of two, by rank.
    """

    folder: Path
    alone: Found
    both: list[Found]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("shared_work")
    shared_work.save_players(folder)
    alone = shared_work.all_of_it(folder, ALONE)
    log = folder / "log"
    statuses = run_together(2, shared_work.do_all_of_it, folder, log=log)
    assert statuses == [0, 0], log.read_text() + log.with_suffix(".1").read_text()
    both = [torch.load(folder / f"process-{rank}.pt", weights_only=True) for rank in range(2)]
    return Outcomes(folder, alone, both)


def assert_close(mine: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert mine.keys() == theirs.keys()
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], atol=1e-5, rtol=0.0)


def assert_equal(mine: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []


@pytest.mark.parametrize("case", shared_work.CASES)
def test_updates_are_those_of_the_whole_batch(case: str, outcomes: Outcomes) -> None:
    alone = outcomes.alone["updates"][case]
    first, second = (found["updates"][case] for found in outcomes.both)
    assert_close(first, alone)
    assert_equal(second, first)


def test_the_cases_are_what_they_say(outcomes: Outcomes) -> None:
    stopped = outcomes.alone["updates"]["stopped by its KL"]
    assert stopped["0.minibatches"] == 1
    shaped = outcomes.alone["updates"]["shaped"]
    assert shaped["2.kl_coef"] != shaped["0.kl_coef"]
    ppo = outcomes.alone["updates"]["ppo"]
    assert ppo["0.policy_loss"] != outcomes.alone["updates"]["uneven slices"]["0.policy_loss"]


def test_games_are_those_of_one_process(outcomes: Outcomes) -> None:
    alone = outcomes.alone["whole"]
    assert len(alone["texts"]) == shared_work.UPDATES
    assert len({text for update in alone["texts"] for text in update}) > 50
    for found in outcomes.both:
        assert found["whole"]["texts"] == alone["texts"]
        assert found["frozen"] == outcomes.alone["frozen"]


def test_all_have_the_same_history_of_prompts(outcomes: Outcomes) -> None:
    for found in outcomes.both:
        assert found["whole"]["env"] == outcomes.alone["whole"]["env"]
    assert "history" in outcomes.alone["whole"]["env"]


def test_weights_after_a_whole_run_are_those_of_one_process(outcomes: Outcomes) -> None:
    first, second = (found["whole"]["weights"] for found in outcomes.both)
    assert_close(first, outcomes.alone["whole"]["weights"])
    assert_equal(second, first)


def test_what_one_process_saved_two_go_on_with(outcomes: Outcomes) -> None:
    for found in outcomes.both:
        assert found["resumed"]["texts"] == outcomes.alone["whole"]["texts"][2:]
        assert_close(found["resumed"]["weights"], outcomes.alone["whole"]["weights"])


def test_what_two_processes_saved_one_goes_on_with(outcomes: Outcomes) -> None:
    run = GPO.load(outcomes.folder / "run-of-2", shared_work.games(ALONE))
    resumed = shared_work.play(run)
    assert resumed["texts"] == outcomes.both[0]["whole"]["texts"][2:]
    assert_close(resumed["weights"], outcomes.both[0]["whole"]["weights"])
    assert resumed["env"] == outcomes.both[0]["whole"]["env"]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("reward", "RewardError: FunctionReward.score returned nan"),
        ("not alike", "TrainingError: the games of process 1 are not those of process 0"),
        ("interrupt", "KeyboardInterrupt"),
        ("interrupted after", "2"),
    ],
)
def test_what_stops_one_stops_all(failure: str, words: str, outcomes: Outcomes) -> None:
    for found in outcomes.both:
        assert found["failures"][failure].startswith(words)


def test_a_process_that_dies_takes_the_others_with_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The kit's promise, which the tests above lean on."""
    assert 3 in run_together(2, shared_work.die_on_one, log=tmp_path / "log")
    assert capfd.readouterr().err == ""


@pytest.fixture(scope="module")
def shards(outcomes: Outcomes) -> list[Found]:
    log = outcomes.folder / "log"
    statuses = run_together(2, shared_work.do_it_in_shards, outcomes.folder, log=log)
    assert statuses == [0, 0], log.read_text() + log.with_suffix(".1").read_text()
    files = [outcomes.folder / f"shards-{rank}.pt" for rank in range(2)]
    return [torch.load(file, weights_only=True) for file in files]


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in shared_work.CASES if case != "adapter"])
def test_updates_in_shards(case: str, outcomes: Outcomes, shards: list[Found]) -> None:
    first, second = (found["updates"][case] for found in shards)
    assert_close(first, outcomes.alone["updates"][case])
    assert_equal(second, first)


@pytest.mark.slow
def test_adapters_are_not_sharded(shards: list[Found]) -> None:
    for found in shards:
        assert found["adapter"].startswith("ConfigurationError: FSDP would shard a frozen base")


@pytest.mark.slow
def test_a_run_in_shards(outcomes: Outcomes, shards: list[Found]) -> None:
    whole = outcomes.alone["whole"]
    for found in shards:
        assert found["whole"]["texts"] == whole["texts"]
        assert_close(found["whole"]["weights"], whole["weights"])
        # It goes on from what one process had saved, moments included.
        assert found["resumed"]["texts"] == whole["texts"][2:]
        assert_close(found["resumed"]["weights"], whole["weights"])


@pytest.mark.slow
def test_what_was_saved_in_shards_is_whole(outcomes: Outcomes, shards: list[Found]) -> None:
    run = GPO.load(outcomes.folder / "run-in-shards", shared_work.games(ALONE))
    assert shared_work.play(run)["texts"] == shards[0]["whole"]["texts"][2:]
    assert_close(shared_work.weights(run), outcomes.alone["whole"]["weights"])

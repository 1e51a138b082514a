"""Many runs: in processes of their own, none stopped by another's failure."""

from pathlib import Path

import pytest
import torch

from bench_entries import SMALL
from llm_game_agents.bench.one_run import Finished, Job
from llm_game_agents.bench.runner import run_jobs
from llm_game_env.errors import ConfigurationError


def jobs(folder: Path, *names: str) -> list[Job]:
    return [Job(f"bench_entries:{n}", "red-team", 0, SMALL, folder / n) for n in names]


def test_a_failure_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def run(job: Job) -> Finished:
        threads.append(torch.get_num_threads())
        return Finished(job, None, "no luck")

    monkeypatch.setattr("llm_game_agents.bench.runner.run_job", run)
    told: list[Finished] = []
    before = torch.get_num_threads()
    ended = run_jobs(jobs(tmp_path, "Failing", "Failing"), 1, told.append)
    assert ended == told
    assert len(ended) == 2
    assert threads == [1, 1]
    assert torch.get_num_threads() == before
    assert run_jobs([], 2, told.append) == []
    with pytest.raises(ConfigurationError, match="workers=0 must be"):
        run_jobs([], 0, told.append)


@pytest.mark.slow
def test_workers(tmp_path: Path) -> None:
    told: list[Finished] = []
    run_jobs(jobs(tmp_path, "Failing", "Refuser"), 2, told.append)
    failures = {one.job.algorithm: one.failure for one in told}
    assert failures == {
        "bench_entries:Failing": "RuntimeError: no luck",
        "bench_entries:Refuser": None,
    }


@pytest.mark.slow
def test_a_process_that_dies_is_a_failure(tmp_path: Path) -> None:
    ended = run_jobs(jobs(tmp_path, "Dying", "Failing"), 2, lambda _: None)
    dying = next(one for one in ended if one.job.algorithm.endswith("Dying"))
    assert dying.failure is not None
    assert "has died" in dying.failure

"""What a run would need, said before anything is loaded."""

from pathlib import Path

import pytest

from main_job_runs import RunHere, words_of


@pytest.mark.slow  # Every change that it proposes is planned as well.
def test_a_dry_run_says_what_would_make_it_fit(
    run_here: RunHere, own: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_game_agents.main_job.dry_run.free_bytes", lambda _: 2**20)
    status, out, _ = run_here(*words_of(own), "--dry-run")
    assert status == 1
    assert "it does not fit into 80% of what is free" in out
    assert "--gradient-checkpointing --precision bf16 --lora-rank 16" in out


def test_a_dry_run_prints_the_memory_and_loads_nothing(
    run_here: RunHere, own: dict[str, str], tmp_path: Path
) -> None:
    for folder in (own["--adversary"], own["--defender"], own["--reward-model"]):
        (Path(folder) / "model.safetensors").unlink()
    status, out, err = run_here(*words_of(own), "--dry-run")
    assert status == 0, err
    for part in ("weights", "gradients", "optimiser moments", "reference", "value head"):
        assert f"defender_0: {part}" in out
    assert "reward model: weights" in out
    assert "update of" in out
    assert "it fits" in out
    assert not list(tmp_path.glob("run*"))

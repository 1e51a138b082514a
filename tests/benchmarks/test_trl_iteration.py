"""The benchmark beside TRL: its own workers, and what it says where TRL is absent."""

from pathlib import Path
from types import ModuleType

import pytest

from llm_game_agents import Computing

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def iteration(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import trl_iteration  # pyright: ignore[reportMissingImports]

    return trl_iteration


@pytest.mark.slow
def test_ours_alone_where_trl_is_absent(
    iteration: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    words = ["trl_iteration.py", "--rounds", "1", "--sets", "b", "--trl", str(tmp_path)]
    monkeypatch.setattr("sys.argv", words)
    iteration.main()
    out = capsys.readouterr().out
    assert "`make trl` puts it there" in " ".join(out.split())
    assert "shared-fused" in out


def test_ratios_are_taken_turn_by_turn(iteration: ModuleType) -> None:
    slow = [iteration.Took(cpu, 0.0, {}) for cpu in (4.0, 12.0)]
    fast = [iteration.Took(cpu, 0.0, {}) for cpu in (2.0, 3.0)]
    assert iteration.ratios(slow, fast) == [2.0, 4.0]


def test_a_worker_that_ends_is_named(iteration: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text("", encoding="utf-8")
    worker = iteration.Worker([str(script)], [str(BENCHMARKS)])
    with pytest.raises(RuntimeError, match=r"ends\.py` ended"):
        worker.iterate()
    worker.close()


@pytest.mark.usefixtures("iteration")
def test_no_answer_ends_before_its_time(tmp_path: Path) -> None:
    import own_iteration  # pyright: ignore[reportMissingImports]
    import reference_work  # pyright: ignore[reportMissingImports]

    reference_work.save_models(tmp_path)
    fused = Computing(fused_activation=True)
    run = own_iteration.make_run(tmp_path, fused, separate=True)

    def see(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.learn(see)
    learner = run.learners["defender_0"]
    assert learner.num_updates == 1
    rollout = run._play("defender_0", 1)
    decisions = rollout.decisions["defender_0"]
    assert {len(d.completion.ids) for d in decisions} == {reference_work.ANSWER}
    assert {len(d.completion.prompt_ids) for d in decisions} == {reference_work.PROMPT}

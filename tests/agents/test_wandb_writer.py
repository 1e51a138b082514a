"""Metrics to Weights & Biases: what its library is called with, by a stand-in for it."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llm_game_agents.recorder import Recorder
from llm_game_agents.wandb_writer import WandbWriter
from llm_game_env import ConfigurationError


class Service:
    """Keeps runs by id, as the real service does: a step that lies behind is not taken."""

    Error = type("Error", (Exception,), {})

    def __init__(self, *, refuses: bool = False) -> None:
        self.runs: dict[str, dict[int, dict[str, float]]] = {}
        self.begun: list[dict[str, Any]] = []
        self.finished = 0
        self._refuses = refuses

    def init(self, **how: Any) -> SimpleNamespace:
        if self._refuses:
            raise self.Error("api_key not configured")
        self.begun.append(how)
        name = how["id"] or f"run{len(self.runs)}"
        rows = self.runs.setdefault(name, {})
        run = SimpleNamespace(id=name, step=max(rows, default=-1) + 1)

        def log(numbers: dict[str, float], step: int) -> None:
            assert step >= run.step
            rows[step], run.step = numbers, step

        def finish() -> None:
            self.finished += 1

        run.log, run.finish = log, finish
        return run


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setitem(sys.modules, "wandb", service)
    return service


def test_numbers_arrive_under_their_steps(service: Service, tmp_path: Path) -> None:
    writer = WandbWriter("games", tmp_path)
    writer.write({"game/score": 0.5}, {}, 0)
    writer.write({"game/score": 0.25}, {}, 1)
    writer.close()
    assert service.runs == {"run0": {0: {"game/score": 0.5}, 1: {"game/score": 0.25}}}
    assert service.finished == 1
    assert (service.begun[0]["project"], service.begun[0]["name"]) == ("games", tmp_path.name)


def test_a_run_that_is_taken_up_goes_on_under_its_id(service: Service, tmp_path: Path) -> None:
    first = WandbWriter("games", tmp_path)
    first.write({"x": 1.0}, {}, 0)
    again = WandbWriter("games", tmp_path)
    again.write({"x": 1.0}, {}, 0)  # Sent before.
    again.write({"x": 2.0}, {}, 1)
    assert service.runs == {"run0": {0: {"x": 1.0}, 1: {"x": 2.0}}}


def test_a_recorder_sends_by_choice(service: Service, tmp_path: Path) -> None:
    Recorder(tmp_path / "without", 0, "test", judged=False).close()
    assert service.begun == []
    Recorder(tmp_path / "with", 0, "test", judged=False, wandb="games").close()
    assert (len(service.begun), service.finished) == (1, 1)


def test_without_the_library_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigurationError, match=r"wandb='games' needs .*\[wandb\]"):
        WandbWriter("games", tmp_path)


def test_a_run_that_cannot_begin_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", Service(refuses=True))
    with pytest.raises(ConfigurationError, match=r"api_key not configured.*WANDB_MODE=offline"):
        WandbWriter("games", tmp_path)

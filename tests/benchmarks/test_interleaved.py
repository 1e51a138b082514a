"""The measuring itself, by a clock that the test winds."""

from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


class Clock:
    """Time that passes only where the subject takes it, on a machine that gets slower."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slowness = 1.0

    def take(self, seconds: float) -> None:
        self.now += seconds * self.slowness


@pytest.fixture
def interleaved(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import interleaved  # pyright: ignore[reportMissingImports] - benchmarks are no package

    return interleaved


def test_ratios_hold_on_a_machine_that_slows_down(
    interleaved: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(interleaved.time, "process_time", lambda: clock.now)
    monkeypatch.setattr(interleaved.gc, "freeze", lambda: None)  # This process goes on.

    def subject(name: str, microseconds: float, steps: int) -> object:
        def draw() -> int:
            clock.take(1.0)  # not counted
            return steps

        def play(drawn: int) -> int:
            clock.take(1e-6 * microseconds * drawn)
            clock.slowness += 0.5
            return drawn

        return interleaved.Subject(name, draw, play)

    costs = interleaved.measure(
        [subject("cheap", 4.0, 10), subject("dear", 30.0, 7)], subject("yardstick", 2.0, 5), 9
    )
    assert [cost.ratio for cost in costs] == pytest.approx([2.0, 15.0])
    assert costs[0].microseconds > 4.0

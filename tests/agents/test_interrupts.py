"""Ctrl-C is held back until the block has ended."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from llm_game_agents.interrupts import held_interrupts


@pytest.fixture(autouse=True)
def _python_handles_interrupts() -> Iterator[None]:
    """Whoever started these tests in the background had SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_block_is_finished_first() -> None:
    finished = []
    with pytest.raises(KeyboardInterrupt), held_interrupts():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        finished.append(True)
    assert finished
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_goes_through() -> None:
    finished = []
    with pytest.raises(KeyboardInterrupt), held_interrupts():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        finished.append(True)
    assert not finished


def test_errors_of_the_block_are_its_own() -> None:
    with pytest.raises(ValueError, match="mine"), held_interrupts():
        raise ValueError("mine")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_run_the_block_as_it_is() -> None:
    ran = []

    def block() -> None:
        with held_interrupts():
            ran.append(True)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert ran

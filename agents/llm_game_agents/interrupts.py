"""Ctrl-C between updates, never within one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Holds a KeyboardInterrupt back until the block has ended; a second one goes through.

    An update that stops half-way leaves weights, history and generators of different moments. Only
    the main thread can hold signals; elsewhere the block runs as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # Somebody else's arrangement stays.
        yield
        return
    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        raise KeyboardInterrupt

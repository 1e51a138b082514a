"""Ctrl-C between updates, never within one."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_interrupts() -> Iterator[Sequence[int]]:
    """Holds a KeyboardInterrupt back until the block has ended; a second one goes through.

    An update that stops half-way leaves weights, history and generators of different moments. Only
    the main thread can hold signals; elsewhere the block runs as it is.

    Yields:
        What has been held back so far; a block of several updates looks between them.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def hold(number: int, _frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # Somebody else's arrangement stays.
        yield received
        return
    signal.signal(signal.SIGINT, hold)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        raise KeyboardInterrupt

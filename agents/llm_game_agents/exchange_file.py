"""The file of a run's exchanges, which grows as the run goes and can be cut back to a checkpoint.

A checkpoint holds the length and the checksum of what was written before it, not the exchanges.
"""

import hashlib
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from llm_game_env.evaluation.exchange_log import FILE, LoggedExchange

KEPT_PER_UPDATE = 64
"""Exchanges of an update that are kept, drawn evenly from all of them."""

_T = TypeVar("_T")


def sample(exchanges: Sequence[_T], update: int, size: int = KEPT_PER_UPDATE) -> list[_T]:
    """At most `size` of an update's exchanges in their order, the same ones whenever it is asked.

    Each is as likely to be drawn as any other, so that shares of the sample estimate the update's.
    """
    if len(exchanges) <= size:
        return list(exchanges)
    drawn = np.random.default_rng(update).choice(len(exchanges), size, replace=False)
    return [exchanges[index] for index in sorted(drawn.tolist())]


class ExchangeFile:
    """Appends to `exchanges.jsonl` in a run's folder.

    Args:
        folder: of the run.
        taken_up: what `as_record` gave of a run that goes on; what the file holds beyond that is
            cut off. None for a run that begins: the file is begun anew.
    """

    def __init__(self, folder: Path, taken_up: Mapping[str, Any] | None = None) -> None:
        self.path = folder / FILE
        self._digest = hashlib.sha256()
        self._length = 0
        if taken_up is not None and taken_up["bytes"] and self.path.exists():
            self._cut_back(taken_up["bytes"], taken_up["sha256"])
        else:
            self.path.unlink(missing_ok=True)

    def append(self, exchanges: Sequence[LoggedExchange]) -> None:
        """Writes some exchanges to the end of the file."""
        lines = "".join(one.as_line() + "\n" for one in exchanges).encode("ascii")
        with self.path.open("ab") as file:
            file.write(lines)
        self._digest.update(lines)
        self._length += len(lines)

    def as_record(self) -> dict[str, Any]:
        """What tells this moment of the file, as plain values; the file is on the disk by then."""
        if self._length:
            with self.path.open("ab") as file:
                os.fsync(file.fileno())
        return {"bytes": self._length, "sha256": self._digest.hexdigest()}

    def _cut_back(self, length: int, digest: str) -> None:
        with self.path.open("r+b") as file:
            kept = file.read(length)
            self._digest.update(kept)
            if self._digest.hexdigest() == digest:
                file.truncate(length)
                self._length = length
                return
        # What it holds may still be of use to a person, and the run goes on all the same.
        aside = self.path.with_suffix(".damaged")
        self.path.replace(aside)
        self._digest = hashlib.sha256()
        warnings.warn(
            f"{self.path} is not what the checkpoint says and is now {aside.name}; exchanges are "
            "on record from here on only",
            stacklevel=2,
        )

"""A JSON-lines file that grows by whole batches, whatever ends the process that writes it.

The first line says what the file is of; each of the others is a row, by its id. The rows of a batch
are written at once and synced to the disk; "more" counts the rows of the batch that follow. So a
batch that was cut off is recognised, half-written last line or not, and dropped when the file is
next opened.
"""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError, TrainingError

_MORE = "more"


class BatchLog:
    """One such file, open for this process alone until it is closed.

    Args:
        path: of the file, which is made where there is none.
        header: what it is of, as JSON has it; a file with another header is refused.

    Attributes:
        rows: id -> the row, those that were there and those that were appended.

    Raises:
        ConfigurationError: the file is of something else, or damaged, or another process has it.
        TrainingError: it cannot be written.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._lock()
            self._size = self._take_up(dict(header))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds a batch, all of it or nothing; each row has a new "id".

        Raises:
            TrainingError: it cannot be written, or not kept; the rows before it are whole.
        """
        ending = range(len(rows) - 1, -1, -1)
        self._write(
            b"".join(_line({**row, _MORE: more}) for row, more in zip(rows, ending, strict=True))
        )
        self.rows |= {row["id"]: dict(row) for row in rows}

    def close(self) -> None:
        """Gives the file back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"{str(self.path)!r} is being written by another evaluation; wait for it, or give "
                "another folder"
            ) from error

    def _take_up(self, header: dict[str, Any]) -> int:
        """Reads what is there, drops what was cut off; the size of what stays, in bytes."""
        lines = self.path.read_bytes().split(b"\n")
        whole = lines[:-1]  # The last one lacks its end, or is empty.
        if not whole:
            self._size = 0
            self._write(_line(header))
            return self._size
        self._check_header(_parse(whole[0]), header)
        size = len(whole[0]) + 1
        kept, batch = size, []
        for number, line in enumerate(whole[1:], start=2):
            row = _parse(line)
            if row is None or not isinstance(row.get("id"), str) or _MORE not in row:
                if any(map(_parse, whole[number:])):
                    raise ConfigurationError(
                        f"{self.path}, line {number}: {brief(line)} is no row; delete the line, "
                        "which is then asked for again"
                    )
                break
            size += len(line) + 1
            batch.append(row)
            if not row[_MORE]:
                kept = size
                self.rows |= {
                    one["id"]: {name: value for name, value in one.items() if name != _MORE}
                    for one in batch
                }
                batch = []
        os.ftruncate(self._file, kept)
        return kept

    def _check_header(self, found: dict[str, Any] | None, header: dict[str, Any]) -> None:
        if found is None or found.get("what") != header["what"]:
            raise ConfigurationError(
                f"{str(self.path)!r} does not hold {header['what']}; give another folder"
            )
        names = [name for name in {**header, **found} if header.get(name) != found.get(name)]
        if names:
            differences = "; ".join(
                f"{name} {brief(found.get(name))}, not {brief(header.get(name))}" for name in names
            )
            raise ConfigurationError(
                f"{str(self.path)!r} holds {header['what']} of other settings: {differences}; go "
                "on with those, or give another folder"
            )

    def _write(self, data: bytes) -> None:
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._size + written)
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise self._unwritable(error) from error
        self._size += len(data)

    def _unwritable(self, error: OSError) -> TrainingError:
        return TrainingError(
            f"{str(self.path)!r} cannot be written ({error}); free some space or give another "
            "folder, then run again: what was written is kept"
        )


def _line(row: Mapping[str, Any]) -> bytes:
    # Half a surrogate pair, which UTF-8 cannot hold, becomes the escape that JSON has for it.
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _parse(line: bytes) -> dict[str, Any] | None:
    """The object in a line; None where there is none, as where it was half-written."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None

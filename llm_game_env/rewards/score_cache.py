"""Scores on disk, by the content they were given for."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike, fspath

from llm_game_env.errors import ConfigurationError

_SECONDS_TO_WAIT = 60.0  # for another writer


class ScoreCache:
    """A SQLite file of key -> score, for any number of threads and processes at a time.

    Each call opens the file anew, so that the cache can be pickled and forked.

    Args:
        path: the file; made where it is missing.

    Raises:
        ConfigurationError: the file cannot be opened, or is no such file.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = fspath(path)
        with self._usable() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS scores (key TEXT PRIMARY KEY, score REAL)"
            )
            connection.execute("SELECT key, score FROM scores LIMIT 1")

    def get(self, keys: Iterable[str]) -> dict[str, float]:
        """The scores that are known; an entry that holds no number counts as missing.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        found: dict[str, float] = {}
        with self._usable() as connection:
            for key in keys:
                query = "SELECT score FROM scores WHERE key = ?"
                row = connection.execute(query, (key,)).fetchone()
                if row is not None and isinstance(row[0], float):
                    found[key] = row[0]
        return found

    def put(self, key: str, score: float) -> None:
        """Keeps a score at once.

        Raises:
            sqlite3.Error: the file cannot be written; whoever has the score shall not lose it.
        """
        with self._connection() as connection:
            connection.execute("INSERT OR REPLACE INTO scores VALUES (?, ?)", (key, score))

    @contextmanager
    def _usable(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._connection() as connection:
                yield connection
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"cache={self.path!r} cannot be used ({error}); name another file, "
                "or delete this one if it holds no scores"
            ) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=_SECONDS_TO_WAIT)
        try:
            with connection:  # commits
                yield connection
        finally:
            connection.close()

"""Records from files: JSON, JSONL, CSV and Parquet, the first three compressed or not.

Every record comes with its place ("prompts.csv, line 7"), for whoever has to refuse it.
"""

import csv
import gzip
import io
import json
import lzma
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError, SeedPromptError

Placed: TypeAlias = tuple[str, Any]
"""Where a record stands, for messages, and the record."""


def read_records(
    source: str | os.PathLike[str],
    *,
    argument: str = "prompts",
    remedy: str = "give a file of one of these kinds",
    header_needs: Collection[str] = (),
    json_cells: Collection[str] = (),
) -> Iterator[Placed]:
    """The records of a file, each with its place.

    A CSV row is a dict of its cells by column, an empty cell None.

    Args:
        source: the path of a `.json` (a list), `.jsonl`, `.csv` or `.parquet` file; the first
            three may be compressed, `.gz` or `.xz`.
        argument: its name in messages.
        remedy: what a message proposes where the path has no such ending.
        header_needs: names of which a CSV header must have at least one; none for any header.
        json_cells: columns of a CSV file whose cells hold JSON.

    Raises:
        SeedPromptError: the file cannot be read, or is malformed, with the line.
        ConfigurationError: a Parquet file is given and pyarrow is not installed.
    """
    path = Path(source).expanduser()
    suffixes = [suffix.lower() for suffix in path.suffixes]
    unpack = _UNPACKERS.get(suffixes.pop()) if suffixes and suffixes[-1] in _UNPACKERS else None
    kind = suffixes[-1] if suffixes else ""
    if kind not in _KINDS or (unpack and kind == ".parquet"):
        refuse(
            argument, f"{brief(str(source))} is not a path ending in {', '.join(_KINDS)}; {remedy}"
        )
    try:
        content = path.read_bytes()
        if unpack is not None:
            content = unpack(content)
    except (OSError, ValueError, EOFError, lzma.LZMAError) as error:
        refuse(str(path), f"cannot be read ({error}); check the path", error)
    if kind == ".csv":
        return _csv_records(path, content, header_needs, json_cells)
    return _KINDS[kind](path, content)


def refuse(where: str, problem: str, cause: Exception | None = None) -> NoReturn:
    """Raises a SeedPromptError that names the place and the problem."""
    raise SeedPromptError(f"{where}: {problem}") from cause


def _json_records(path: Path, content: bytes) -> Iterator[Placed]:
    records = _parse_json(_decode(path, content), path)
    if not isinstance(records, list):
        refuse(str(path), f"got {brief(records)}; put the records in a list, between [ and ]")
    for index, record in enumerate(records):
        yield f"{path}, record at index {index}", record


def _jsonl_records(path: Path, content: bytes) -> Iterator[Placed]:
    # Not splitlines(): JSON strings may hold U+2028 and its like, which end no line here.
    for number, line in enumerate(_decode(path, content).split("\n"), start=1):
        if line.strip():
            yield f"{path}, line {number}", _parse_json(line, path, number)


def _csv_records(
    path: Path, content: bytes, needs: Collection[str] = (), json_cells: Collection[str] = ()
) -> Iterator[Placed]:
    reader = csv.reader(io.StringIO(_decode(path, content), newline=""), strict=True)
    header: list[str] = []
    number = 1  # of the row's first line: a cell may hold line breaks
    try:
        for row in reader:
            where = f"{path}, line {number}"
            if row and header:
                record = _csv_record(header, row, where)
                for name in json_cells:
                    if record.get(name):
                        record[name] = _parse_json(record[name], path, number)
                yield where, record
            elif row:
                header = [name.strip() for name in row]
                if needs and not set(needs) & set(header):
                    named = " or ".join(needs)
                    refuse(where, f"no column {named} in the header, got {brief(row)}")
            number = reader.line_num + 1
    except csv.Error as error:
        problem = f"not valid CSV ({error}); quote the cell and double the quotes in it"
        refuse(f"{path}, line {number}", problem, error)


def _csv_record(header: list[str], row: list[str], where: str) -> dict[str, Any]:
    if len(row) != len(header):
        problem = f"{len(row)} cells for {len(header)} columns, quote commas; got {brief(row)}"
        refuse(where, problem)
    return {name: cell or None for name, cell in zip(header, row, strict=True)}


def _parquet_records(path: Path, content: bytes) -> Iterator[Placed]:
    try:
        from pyarrow import ArrowException, BufferReader
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        problem = "Parquet needs pyarrow; pip install 'llm-game-env[parquet]'"
        raise ConfigurationError(f"{path}: {problem}") from error
    try:
        records = ParquetFile(BufferReader(content)).read().to_pylist()
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        refuse(str(path), f"not a readable Parquet file ({error}); write it anew", error)
    for index, record in enumerate(records):
        yield f"{path}, record at index {index}", record


_KINDS: dict[str, Callable[[Path, bytes], Iterator[Placed]]] = {
    ".json": _json_records,
    ".jsonl": _jsonl_records,
    ".csv": _csv_records,
    ".parquet": _parquet_records,
}
_UNPACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".xz": lzma.decompress}


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")  # Spreadsheets put a byte order mark first.
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        refuse(f"{path}, line {line}", problem, error)


def _parse_json(text: str, path: Path, first_line: int = 1) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = first_line + getattr(error, "lineno", 1) - 1
        problem = f"is not valid JSON ({getattr(error, 'msg', error)}); correct it"
        refuse(f"{path}, line {line}", f"{brief(text)} {problem}", error)

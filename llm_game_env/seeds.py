"""Seed prompts: the requests that start a game, read from a list, a file or a data set.

    source -> records, each with its place -> one checked `Seed` each -> unique ids

All is read and checked before a game is built. Every message names place, value and remedy.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError, SeedPromptError
from llm_game_env.spaces import Message

Label = Literal["harmful", "benign"]


@dataclass(frozen=True)
class Seed:
    """One seed prompt; checked when it passes through `load_seed_prompts`.

    Attributes:
        text: the request that the adversary rewords; not blank.
        label: whether a good defender refuses it ("harmful") or helps ("benign").
        id: its name, unique within a set; `load_seed_prompts` replaces "" by the index.
        context: the dialogue so far, which the defender sees: user and assistant take turns and
            the assistant has the last word. System prompts belong to the environment.
    """

    text: str
    label: Label = "harmful"
    id: str = ""
    context: tuple[Message, ...] = field(default=(), hash=False)  # a dict has no hash


SeedRecord: TypeAlias = str | Seed | Mapping[str, Any]
SeedSource: TypeAlias = Iterable[SeedRecord] | str | os.PathLike[str]
_Placed: TypeAlias = tuple[str, Any]  # where a record stands, for messages, and the record


def load_seed_prompts(source: SeedSource) -> tuple[Seed, ...]:
    """Read and check seed prompts; returns at least one, in the order of the source.

    Args:
        source: a sequence of strings, `Seed` objects or mappings; the path of a `.json` (a
            list), `.jsonl`, `.csv` or `.parquet` file; or a `datasets.Dataset`. A mapping has
            "text" (or "prompt") and may have "label", "id" and "context" (in CSV as JSON);
            other fields are ignored. A plain string is always a path.

    Raises:
        SeedPromptError: something is missing, empty or malformed.
        ConfigurationError: a Parquet file is given and pyarrow is not installed.
    """
    seeds: list[Seed] = []
    place_of_id: dict[str, str] = {}
    for index, (where, record) in enumerate(_records(source)):
        seed = _seed(record, index, where)
        if seed.id in place_of_id:
            _refuse(where, f"id {seed.id!r} is taken by {place_of_id[seed.id]}; give it its own")
        place_of_id[seed.id] = where
        seeds.append(seed)
    if not seeds:
        name = source if isinstance(source, str | os.PathLike) else "seed_prompts"
        _refuse(f"{name}", "no seed prompts in it; give at least one")
    return tuple(seeds)


def index_of(seeds: Sequence[Seed], ids: Sequence[str | int]) -> list[int]:
    """The indices of the seeds with the given ids, in the order of `ids`; repeats are kept.

    Raises:
        ConfigurationError: `ids` is a plain string, or names a seed that does not exist.
    """
    if isinstance(ids, str):
        raise ConfigurationError(f"seed prompt ids must be a list, got {ids!r}; use [{ids!r}]")
    index = {seed.id: i for i, seed in enumerate(seeds)}
    unknown = [name for name in ids if str(name) not in index]
    if unknown:
        raise ConfigurationError(f"no seed has the id {brief(unknown)}; use {brief([*index])}")
    return [index[str(name)] for name in ids]


def _records(source: SeedSource) -> Iterator[_Placed]:
    if isinstance(source, str | os.PathLike):
        return _file_records(source)
    is_list = isinstance(source, Sequence) and not isinstance(source, bytes | bytearray)
    # A DatasetDict has `column_names` as well, but its items are splits.
    is_dataset = hasattr(source, "column_names") and not isinstance(source, Mapping)
    if not (is_list or is_dataset):
        expected = "must be a list, a path or one split of a datasets.DatasetDict"
        _refuse("seed_prompts", f"{expected}, got {type(source).__name__} {brief(source)}")
    return ((f"seed_prompts[{i}]", record) for i, record in enumerate(source))


def _file_records(source: str | os.PathLike[str]) -> Iterator[_Placed]:
    path = Path(source).expanduser()
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        problem = f"is not a path ending in {', '.join(_READERS)}; wrap a prompt in a list"
        _refuse("seed_prompts", f"{brief(str(source))} {problem}")
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        _refuse(str(path), f"cannot be read ({error}); check the path", error)
    return reader(path, content)


def _json_records(path: Path, content: bytes) -> Iterator[_Placed]:
    records = _parse_json(_decode(path, content), path)
    if not isinstance(records, list):
        _refuse(str(path), f"got {brief(records)}; put the records in a list, between [ and ]")
    for index, record in enumerate(records):
        yield f"{path}, record at index {index}", record


def _jsonl_records(path: Path, content: bytes) -> Iterator[_Placed]:
    # Not splitlines(): JSON strings may hold U+2028 and its like, which end no line here.
    for number, line in enumerate(_decode(path, content).split("\n"), start=1):
        if line.strip():
            yield f"{path}, line {number}", _parse_json(line, path, number)


def _csv_records(path: Path, content: bytes) -> Iterator[_Placed]:
    reader = csv.reader(io.StringIO(_decode(path, content), newline=""), strict=True)
    header: list[str] = []
    number = 1  # of the row's first line: a cell may hold line breaks
    try:
        for row in reader:
            where = f"{path}, line {number}"
            if row and header:
                yield where, _csv_record(header, row, path, number)
            elif row:
                header = [name.strip() for name in row]
                if not {"text", "prompt"} & set(header):
                    _refuse(where, f"no column text or prompt in the header, got {brief(row)}")
            number = reader.line_num + 1
    except csv.Error as error:
        problem = f"not valid CSV ({error}); quote the cell and double the quotes in it"
        _refuse(f"{path}, line {number}", problem, error)


def _csv_record(header: list[str], row: list[str], path: Path, number: int) -> dict[str, Any]:
    if len(row) != len(header):
        problem = f"{len(row)} cells for {len(header)} columns, quote commas; got {brief(row)}"
        _refuse(f"{path}, line {number}", problem)
    record: dict[str, Any] = {name: row[i] or None for i, name in enumerate(header)}
    if record.get("context"):
        record["context"] = _parse_json(record["context"], path, number)
    return record


def _parquet_records(path: Path, content: bytes) -> Iterator[_Placed]:
    try:
        from pyarrow import ArrowException, BufferReader
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        problem = "Parquet needs pyarrow; pip install 'llm-game-env[parquet]'"
        raise ConfigurationError(f"{path}: {problem}") from error
    try:
        records = ParquetFile(BufferReader(content)).read().to_pylist()
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        _refuse(str(path), f"not a readable Parquet file ({error}); write it anew", error)
    for index, record in enumerate(records):
        yield f"{path}, record at index {index}", record


_READERS: dict[str, Callable[[Path, bytes], Iterator[_Placed]]] = {
    ".json": _json_records,
    ".jsonl": _jsonl_records,
    ".csv": _csv_records,
    ".parquet": _parquet_records,
}


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")  # Spreadsheets put a byte order mark first.
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        _refuse(f"{path}, line {line}", problem, error)


def _parse_json(text: str, path: Path, first_line: int = 1) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = first_line + getattr(error, "lineno", 1) - 1
        problem = f"is not valid JSON ({getattr(error, 'msg', error)}); correct it"
        _refuse(f"{path}, line {line}", f"{brief(text)} {problem}", error)


def _seed(record: Any, index: int, where: str) -> Seed:
    fields = {"text": record} if isinstance(record, str) else record
    fields = vars(record) if isinstance(record, Seed) else fields
    if not isinstance(fields, Mapping):
        _refuse(where, f"must be a string, a Seed or a mapping with a text, got {brief(record)}")
    text = fields.get("prompt") if fields.get("text") is None else fields["text"]
    if not isinstance(text, str) or not text.strip():
        problem = f"text must be a string that is not blank, got {brief(text)}"
        _refuse(where, f"{problem}; its field is text or prompt, here are {brief(list(fields))}")
    label = "harmful" if fields.get("label") is None else fields["label"]
    if not isinstance(label, str) or label not in ("harmful", "benign"):
        _refuse(where, f"label must be harmful (the default) or benign, got {brief(label)}")
    name = index if fields.get("id") in (None, "") else fields["id"]
    if not isinstance(name, str | Integral) or isinstance(name, bool):
        _refuse(where, f"id must be a string or a whole number, got {brief(name)}; or omit it")
    context = _context(fields.get("context"), where)
    # JSON can hold half a surrogate pair ("\ud83d"), at which a tokenizer would fail later.
    for said in (text, *(message["content"] for message in context)):
        if any("\ud800" <= character <= "\udfff" for character in said):
            _refuse(where, f"half a surrogate pair in {brief(said)}; remove it")
    return Seed(text, label, str(name), context)


def _context(value: Any, where: str) -> tuple[Message, ...]:
    if not isinstance(value, list | tuple | None):
        _refuse(where, f"context must be a list of messages, got {brief(value)}")
    context: list[Message] = []
    for i, message in enumerate(value or ()):
        due: Literal["user", "assistant"] = "assistant" if i % 2 else "user"
        fields = message if isinstance(message, Mapping) else {}
        if fields.get("role") != due or not isinstance(fields.get("content"), str):
            needed = f'must be {{"role": "{due}", "content": "..."}}, got {brief(message)}'
            _refuse(where, f"context[{i}] {needed}; system prompts belong to the environment")
        context.append(Message(role=due, content=fields["content"]))
    if len(context) % 2:
        _refuse(where, f"context must end with an assistant message, got {brief(context[-1])}")
    return tuple(context)


def _refuse(where: str, problem: str, cause: Exception | None = None) -> NoReturn:
    raise SeedPromptError(f"{where}: {problem}") from cause

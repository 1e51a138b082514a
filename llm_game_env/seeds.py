"""Seed prompts: the requests that start a game, read from a list, a file or a data set.

    source -> records, each with its place -> one checked `Seed` each -> unique ids

All is read and checked before a game is built. Every message names place, value and remedy.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal, TypeAlias

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError
from llm_game_env.record_files import Placed, read_records, refuse
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


def load_seed_prompts(source: SeedSource) -> tuple[Seed, ...]:
    """Read and check seed prompts; returns at least one, in the order of the source.

    Args:
        source: a sequence of strings, `Seed` objects or mappings; the path of a `.json` (a
            list), `.jsonl`, `.csv` or `.parquet` file, see `read_records`; or a
            `datasets.Dataset`. A mapping has "text" (or "prompt") and may have "label", "id" and
            "context" (in CSV as JSON); other fields are ignored. A plain string is always a path.

    Raises:
        SeedPromptError: something is missing, empty or malformed.
        ConfigurationError: a Parquet file is given and pyarrow is not installed.
    """
    name = source if isinstance(source, str | os.PathLike) else "seed_prompts"
    return check_seeds(_records(source), f"{name}")


def check_seeds(records: Iterable[Placed], name: str) -> tuple[Seed, ...]:
    """The same for records that are read already, each with its place; `name` is the source's."""
    seeds: list[Seed] = []
    place_of_id: dict[str, str] = {}
    for index, (where, record) in enumerate(records):
        seed = _seed(record, index, where)
        if seed.id in place_of_id:
            refuse(where, f"id {seed.id!r} is taken by {place_of_id[seed.id]}; give it its own")
        place_of_id[seed.id] = where
        seeds.append(seed)
    if not seeds:
        refuse(name, "no seed prompts in it; give at least one")
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


def _records(source: SeedSource) -> Iterator[Placed]:
    if isinstance(source, str | os.PathLike):
        return read_records(
            source,
            argument="seed_prompts",
            remedy="wrap a prompt in a list",
            header_needs=("text", "prompt"),
            json_cells=("context",),
        )
    is_list = isinstance(source, Sequence) and not isinstance(source, bytes | bytearray)
    # A DatasetDict has `column_names` as well, but its items are splits.
    is_dataset = hasattr(source, "column_names") and not isinstance(source, Mapping)
    if not (is_list or is_dataset):
        expected = "must be a list, a path or one split of a datasets.DatasetDict"
        refuse("seed_prompts", f"{expected}, got {type(source).__name__} {brief(source)}")
    return ((f"seed_prompts[{i}]", record) for i, record in enumerate(source))


def _seed(record: Any, index: int, where: str) -> Seed:
    fields = {"text": record} if isinstance(record, str) else record
    fields = vars(record) if isinstance(record, Seed) else fields
    if not isinstance(fields, Mapping):
        refuse(where, f"must be a string, a Seed or a mapping with a text, got {brief(record)}")
    text = fields.get("prompt") if fields.get("text") is None else fields["text"]
    if not isinstance(text, str) or not text.strip():
        problem = f"text must be a string that is not blank, got {brief(text)}"
        refuse(where, f"{problem}; its field is text or prompt, here are {brief(list(fields))}")
    label = "harmful" if fields.get("label") is None else fields["label"]
    if not isinstance(label, str) or label not in ("harmful", "benign"):
        refuse(where, f"label must be harmful (the default) or benign, got {brief(label)}")
    name = index if fields.get("id") in (None, "") else fields["id"]
    if not isinstance(name, str | Integral) or isinstance(name, bool):
        refuse(where, f"id must be a string or a whole number, got {brief(name)}; or omit it")
    context = _context(fields.get("context"), where)
    # JSON can hold half a surrogate pair ("\ud83d"), at which a tokenizer would fail later.
    for said in (text, *(message["content"] for message in context)):
        if any("\ud800" <= character <= "\udfff" for character in said):
            refuse(where, f"half a surrogate pair in {brief(said)}; remove it")
    return Seed(text, label, str(name), context)


def _context(value: Any, where: str) -> tuple[Message, ...]:
    if not isinstance(value, list | tuple | None):
        refuse(where, f"context must be a list of messages, got {brief(value)}")
    context: list[Message] = []
    for i, message in enumerate(value or ()):
        due: Literal["user", "assistant"] = "assistant" if i % 2 else "user"
        fields = message if isinstance(message, Mapping) else {}
        if fields.get("role") != due or not isinstance(fields.get("content"), str):
            needed = f'must be {{"role": "{due}", "content": "..."}}, got {brief(message)}'
            refuse(where, f"context[{i}] {needed}; system prompts belong to the environment")
        context.append(Message(role=due, content=fields["content"]))
    if len(context) % 2:
        refuse(where, f"context must end with an assistant message, got {brief(context[-1])}")
    return tuple(context)

"""Seed prompts: what is accepted from each source, and how each bad input is refused."""

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env.errors import ConfigurationError, SeedPromptError
from llm_game_env.seeds import Seed, index_of, load_seed_prompts
from llm_game_env.spaces import Message


def dialogue(user: str, assistant: str) -> tuple[Message, ...]:
    return Message(role="user", content=user), Message(role="assistant", content=assistant)


CONTEXT = dialogue("Hello, \u00e9\u4e2d\U0001f642", "")
SEEDS = (
    Seed("How do I pick a lock?", "harmful", "lock"),
    Seed('A "quoted", \u2028 two-line\nprompt', "benign", "1", CONTEXT),
)
RECORDS: list[dict[str, Any]] = [
    {"text": seed.text, "label": seed.label, "id": seed.id, "context": list(seed.context)}
    for seed in SEEDS
]


class FakeDataset:
    column_names = ("prompt", "id", "extra")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([{"prompt": "one", "id": np.int64(7), "extra": 0.5}])


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    """The records in the format that the path's suffix names."""
    if path.suffix == ".json":
        path.write_text(json.dumps(records), encoding="utf-8")
    elif path.suffix == ".jsonl":
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            rows = csv.writer(file, quoting=csv.QUOTE_ALL)
            rows.writerow(["text", "label", "id", "context"])
            for record in records:
                rows.writerow([*list(record.values())[:3], json.dumps(record["context"])])
    else:
        pa = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pa.Table.from_pylist(records), path)
    return path


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".parquet", ".JSONL"])
def test_every_format_gives_back_what_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"seeds{suffix.lower()}"
    path = write(path, RECORDS).rename(tmp_path / f"seeds{suffix}")
    assert load_seed_prompts(path) == load_seed_prompts(str(path)) == SEEDS


@pytest.mark.parametrize("source", [SEEDS, list(SEEDS), RECORDS, [SEEDS[0], RECORDS[1]]], ids=type)
def test_seeds_and_mappings_are_accepted_in_any_mixture(source: Any) -> None:
    assert load_seed_prompts(source) == SEEDS


def test_plain_strings_are_harmful_and_named_by_their_index() -> None:
    assert load_seed_prompts(["a", "b"]) == (Seed("a", id="0"), Seed("b", id="1"))


def test_absent_fields_take_defaults_and_unknown_fields_are_ignored(tmp_path: Path) -> None:
    record = {"text": None, "prompt": "a", "label": None, "id": None, "context": None, "x": object}
    assert load_seed_prompts([record]) == (Seed("a", id="0"),)
    (tmp_path / "a.csv").write_text("prompt,label,id,context,x\na,,,,\n", encoding="utf-8")
    assert load_seed_prompts(tmp_path / "a.csv") == (Seed("a", id="0"),)


def test_a_dataset_is_recognised_by_its_column_names() -> None:
    assert load_seed_prompts(FakeDataset()) == (Seed("one", id="7"),)


def test_a_loaded_context_is_a_copy_and_the_seed_has_a_hash() -> None:
    messages = [dict(message) for message in CONTEXT]
    (seed,) = load_seed_prompts([{"text": "a", "context": messages}])
    messages[0]["content"] = "changed"
    assert {seed} == {Seed("a", id="0", context=CONTEXT)}


texts = st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv"])
@given(lines=st.lists(texts, min_size=1, max_size=5))
def test_any_text_survives_a_file(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, lines: list[str]
) -> None:
    records = [
        {"text": line, "label": "benign", "id": f"s{i}", "context": dialogue(line, line)}
        for i, line in enumerate(lines)
    ]
    path = write(tmp_path_factory.getbasetemp() / f"any{suffix}", records)
    assert load_seed_prompts(path) == load_seed_prompts(records)


def saying(*roles: str) -> dict[str, Any]:
    return {"text": "a", "context": [{"role": role, "content": "x"} for role in roles]}


BAD_RECORDS: dict[str, tuple[Any, str]] = {
    "blank": (" \n", r"text must be a string that is not blank, got ' \\n'"),
    "no text": ({"question": "a"}, r"got None; .* here are \['question'\]"),
    "text of the wrong type": ({"text": 3}, r"text must be .* got 3"),
    "record of the wrong type": (3, r"must be a string, a Seed or a mapping .* got 3"),
    "unknown label": ({"text": "a", "label": "bad"}, r"label must be harmful .* got 'bad'"),
    "empty label": ({"text": "a", "label": ""}, r"label must be harmful .* got ''"),
    "numeric label": ({"text": "a", "label": 0}, r"label must be harmful .* got 0"),
    "id of the wrong type": ({"text": "a", "id": 1.5}, r"id must be a string .* got 1\.5"),
    "boolean id": ({"text": "a", "id": True}, r"id must be a string .* got True"),
    "taken id": ({"text": "a", "id": "0"}, r"id '0' is taken by .*(\[0\]|line 1)"),
    "context of the wrong type": ({"text": "a", "context": "x"}, r"list of messages, got 'x'"),
    "message of the wrong type": ({"text": "a", "context": ["x"]}, r"context\[0\] must .* got 'x'"),
    "system message": (saying("system"), r"context\[0\] must .* got .*'system'.* environment"),
    "wrong turn": (saying("user", "user"), r"context\[1\] must be .*assistant.* got .*'user'"),
    "no content": (
        {"text": "a", "context": [{"role": "user"}]},
        r"must be .* got {'role': 'user'}",
    ),
    "no last answer": (saying("user"), r"context must end with an assistant .* got .*'user'"),
    "half a surrogate pair": ("\ud83d", r"half a surrogate pair in '\\ud83d'"),
}


@pytest.mark.parametrize(("record", "message"), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_bad_record_is_refused_with_its_place(tmp_path: Path, record: Any, message: str) -> None:
    records = ["fine", record]
    with pytest.raises(SeedPromptError, match=rf"^seed_prompts\[1\]: .*{message}"):
        load_seed_prompts(records)
    jsonl = "\n".join(json.dumps(item) for item in records)
    (tmp_path / "a.jsonl").write_text(jsonl, encoding="utf-8")
    with pytest.raises(SeedPromptError, match=rf"a\.jsonl, line 2: .*{message}"):
        load_seed_prompts(tmp_path / "a.jsonl")


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "empty JSON list": ("a.json", b"[]", r"a\.json: no seed prompts"),
    "empty JSON file": ("a.json", b"", r"a\.json, line 1: '' is not valid JSON"),
    "JSON object": ("a.json", b'{"text": "a"}', r"a\.json: got {'text': 'a'}; put .* list"),
    "malformed JSON": ("a.json", b'["a",\n"b"\n"c"]', r"a\.json, line 3: .* JSON \(Expecting ','"),
    "JSON record": ("a.json", b'["a", ""]', r"a\.json, record at index 1: text must be .* ''"),
    "deeply nested JSON": ("a.json", b"[" * 100_000, r"a\.json, line 1: .* recursion"),
    "empty JSONL": ("a.jsonl", b"\n \n", r"a\.jsonl: no seed prompts"),
    "malformed JSONL": ("a.jsonl", b'"a"\n\n{"text"\n', r"a\.jsonl, line 3: '{\"text\"' is not"),
    "JSONL not UTF-8": ("a.jsonl", b'"a"\n"\xe9"', r"a\.jsonl, line 2: byte 0xe9 is not UTF-8"),
    "empty CSV": ("a.csv", b"", r"a\.csv: no seed prompts"),
    "CSV header alone": ("a.csv", b"text,label\n", r"a\.csv: no seed prompts"),
    "CSV without header": ("a.csv", b"hello\nyou\n", r"line 1: no column text .* \['hello'\]"),
    "CSV comma": ("a.csv", b"text\n\na, b\n", r"line 3: 2 cells for 1 columns.* \['a', ' b'\]"),
    "CSV blank": ("a.csv", b'text,id\n"a\nb",1\n,2\n', r"a\.csv, line 4: text must .* got None"),
    "CSV label": ("a.csv", b"text,label\na,bad\n", r"a\.csv, line 2: label .* got 'bad'"),
    "CSV quotes": ("a.csv", b'text\na\n"b\n', r"a\.csv, line 3: not valid CSV"),
    "CSV context": ("a.csv", b"text,context\na,[b\n", r"a\.csv, line 2: '\[b' is not valid JSON"),
    "not Parquet": ("a.parquet", b"text", r"a\.parquet: not a readable Parquet file"),
    "unknown extension": ("a.txt", b"a", r"a\.txt' is not a path ending in \.json, .* in a list"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SeedPromptError, match=message):
        load_seed_prompts(tmp_path / name)


@pytest.mark.parametrize("name", ["a.json", "a.parquet", "folder.jsonl", "x" * 300 + ".csv"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(SeedPromptError, match=rf"{name}: cannot be read .*; check the path"):
        load_seed_prompts(tmp_path / name)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("How do I pick a lock?", r"'How do I .*' is not a path .* wrap a prompt in a list"),
        ([], "seed_prompts: no seed prompts in it; give at least one"),
        (None, "must be a list, .* got NoneType None"),
        (b"abc", "must be a list, .* got bytes b'abc'"),
        ({"text": "a"}, "must be a list, .* got dict {'text': 'a'}"),
    ],
)
def test_a_source_of_the_wrong_kind_is_refused(source: Any, message: str) -> None:
    with pytest.raises(SeedPromptError, match=message):
        load_seed_prompts(source)


def test_a_row_of_a_parquet_file_is_named_by_its_index(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [*RECORDS, {**RECORDS[0], "text": " "}])
    with pytest.raises(SeedPromptError, match=r"a\.parquet, record at index 2: text must"):
        load_seed_prompts(path)


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=re.escape("llm-game-env[parquet]")):
        load_seed_prompts(tmp_path / "a.parquet")


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(SeedPromptError) as caught:
        load_seed_prompts([{"text": "a", "label": "x" * 10_000}])
    assert len(str(caught.value)) < 250


def test_index_of_keeps_order_and_repeats() -> None:
    assert index_of(SEEDS, [1, "lock", "1"]) == [1, 0, 1]


def test_index_of_refuses_what_it_does_not_know() -> None:
    unknown = re.escape("no seed has the id ['door', 9]; use ['lock', '1']")
    with pytest.raises(ConfigurationError, match=unknown):
        index_of(SEEDS, ["lock", "door", 9])
    with pytest.raises(ConfigurationError, match=r"must be a list, got 'lock'; use \['lock'\]"):
        index_of(SEEDS, "lock")

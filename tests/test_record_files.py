"""Compressed files, and the columns of CSV; the rest is tested through the seed prompts."""

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_game_env.errors import SeedPromptError
from llm_game_env.record_files import read_records

PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("packed", PACK)
@pytest.mark.parametrize("kind", [".json", ".jsonl", ".csv"])
def test_a_compressed_file_reads_as_the_plain_one(tmp_path: Path, kind: str, packed: str) -> None:
    record = {"text": "é, two\nlines", "id": "a"}
    content = {
        ".json": json.dumps([record]),
        ".jsonl": json.dumps(record) + "\n",
        ".csv": 'text,id\n"é, two\nlines",a\n',
    }[kind].encode()
    path = tmp_path / f"some.prompts{kind}{packed}"
    path.write_bytes(PACK[packed](content))
    ((where, read),) = read_records(path)
    assert read == record
    assert where.startswith(f"{path}, ")


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.xz"])
def test_a_file_that_is_not_compressed_as_it_says_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"text\nhello\n")
    with pytest.raises(SeedPromptError, match=rf"{name}: cannot be read"):
        list(read_records(tmp_path / name))


@pytest.mark.parametrize("name", ["a.gz", "a.parquet.gz", "a.tar.gz", "a"])
def test_other_endings_are_refused_with_those_that_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(SeedPromptError, match=r"prompts: .*not a path ending in \.json, \.jsonl"):
        list(read_records(tmp_path / name))


def test_cells_are_text_unless_their_column_is_said_to_hold_json(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('x,y\n"[1]","[1]"\n,\n', encoding="utf-8")
    rows = [record for _, record in read_records(path, json_cells=("y",))]
    assert rows == [{"x": "[1]", "y": [1]}, {"x": None, "y": None}]

"""Sets of one's own: columns by name, labels by words; and what any set can do."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError, SeedPromptError
from llm_game_env.evaluation.prompt_sets.columns import Columns, load_columns
from llm_game_env.evaluation.prompt_sets.loading import load_prompt_set
from llm_game_env.evaluation.prompt_sets.prompt_set import PromptSet, SetPrompt
from llm_game_env.seeds import Seed

RECORDS: list[dict[str, Any]] = [
    {"question": "What is tea?", "is_safe": True, "theme": "drinks", "source": 1, "key": "t"},
    {"question": "May I wet the cat?", "is_safe": False, "theme": None, "source": 2, "key": 7},
]
COLUMNS = Columns(
    prompt="question",
    label="is_safe",
    category="theme",
    subset="source",
    id="key",
    words={"harmful": ["false"], "benign": ["true"]},
)


def write(path: Path) -> Path:
    if path.suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        records = [record | {"key": str(record["key"])} for record in RECORDS]
        parquet.write_table(pa.Table.from_pylist(records), path)
    elif path.suffix == ".csv":
        lines = [",".join("" if v is None else str(v) for v in r.values()) for r in RECORDS]
        path.write_text("\n".join([",".join(RECORDS[0]), *lines]), encoding="utf-8")
    else:
        path.write_text("\n".join(map(json.dumps, RECORDS)), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_columns_are_read_by_name_from_any_file(tmp_path: Path, suffix: str) -> None:
    found = load_prompt_set(write(tmp_path / f"mine{suffix}"), "columns", COLUMNS)
    assert found == PromptSet(
        f"mine{suffix}",
        (
            SetPrompt(Seed("What is tea?", "benign", "t"), "benign", "drinks", "1"),
            SetPrompt(Seed("May I wet the cat?", "harmful", "7"), "harmful", "", "2"),
        ),
    )
    assert found.seeds == tuple(prompt.seed for prompt in found.prompts)
    assert found.categories == {"t": "drinks", "7": ""}


def test_the_prompt_alone_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt\nhello\nyou\n", encoding="utf-8")
    assert load_columns(tmp_path / "a.csv").prompts == (
        SetPrompt(Seed("hello", "harmful", "0"), "harmful"),
        SetPrompt(Seed("you", "harmful", "1"), "harmful"),
    )
    kinds = [p.kind for p in load_columns(tmp_path / "a.csv", Columns(kind="benign")).prompts]
    assert kinds == ["benign", "benign"]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        *(("harmful", "harmful"), ("Unsafe", "harmful"), ("TOXIC", "harmful")),
        *(("borderline", "borderline"), ("benign", "benign"), (" safe ", "benign")),
    ],
)
def test_customary_words_name_the_kinds(tmp_path: Path, word: str, kind: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"prompt": "a", "label": word}]))
    found = load_columns(tmp_path / "a.json", Columns(label="label"))
    assert found.prompts[0].kind == kind


@pytest.mark.parametrize("word", [1, True, None, "no"])
def test_a_label_that_could_mean_either_is_refused(tmp_path: Path, word: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"prompt": "a", "label": word}]))
    with pytest.raises(SeedPromptError, match=rf"index 0: label={word!r} is none of .*say which"):
        load_columns(tmp_path / "a.json", Columns(label="label"))


@pytest.mark.parametrize("missing", ["question", "is_safe", "theme", "source", "key"])
def test_a_missing_column_is_named(tmp_path: Path, missing: str) -> None:
    record = {name: value for name, value in RECORDS[0].items() if name != missing}
    (tmp_path / "a.json").write_text(json.dumps([record]))
    with pytest.raises(SeedPromptError, match=rf"no column {missing}, .*: name the columns as"):
        load_columns(tmp_path / "a.json", COLUMNS)


def test_a_blank_prompt_and_a_taken_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,id\na,1\nb,1\n", encoding="utf-8")
    with pytest.raises(SeedPromptError, match=r"line 3: id '1' is taken by .*line 2"):
        load_columns(tmp_path / "a.csv", Columns(id="id"))
    (tmp_path / "a.csv").write_text("prompt,id\n ,1\n", encoding="utf-8")
    with pytest.raises(SeedPromptError, match=r"line 2: text must be a string that is not blank"):
        load_columns(tmp_path / "a.csv")


def test_impossible_words_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'SAFE' stands for harmful and for benign"):
        Columns(words={"harmful": ["safe"], "benign": ["SAFE"]})
    with pytest.raises(ConfigurationError, match="kind='bad' must be"):
        Columns(kind="bad")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match="words='bad' must be"):
        Columns(words={"bad": ["x"]})  # pyright: ignore[reportArgumentType]


def numbered(count: int) -> PromptSet:
    seeds = [Seed(f"prompt {i}", id=str(i)) for i in range(count)]
    return PromptSet("numbers", tuple(SetPrompt(seed, "harmful") for seed in seeds), left_out=3)


def test_a_sample_keeps_the_order_and_is_drawn_by_the_seed() -> None:
    whole = numbered(100)
    sample = whole.sample(30, seed=1)
    ids = [int(prompt.seed.id) for prompt in sample.prompts]
    assert ids == sorted(set(ids))
    assert len(ids) == 30
    assert sample == whole.sample(30, seed=1)
    assert sample != whole.sample(30, seed=2)
    assert (sample.name, sample.left_out) == ("numbers", 3)
    assert whole.sample(100, seed=1) is whole.sample(1000, seed=1) is whole


def test_a_sample_is_fair() -> None:
    draws = [
        prompt.seed.id for seed in range(2000) for prompt in numbered(5).sample(2, seed).prompts
    ]
    shares = np.array([draws.count(str(i)) for i in range(5)]) / 2000
    assert np.abs(shares - 0.4).max() < 4 * np.sqrt(0.4 * 0.6 / 2000)


def test_the_digest_changes_with_everything_that_is_asked() -> None:
    one = SetPrompt(Seed("a", "harmful", "0"), "harmful", "c", "s")
    changed = [
        one._replace(seed=Seed("b", "harmful", "0")),
        one._replace(seed=Seed("a", "harmful", "1")),
        one._replace(seed=Seed("a", "harmful", "0", ({"role": "user", "content": "x"},))),
        one._replace(kind="benign"),
        one._replace(category="d"),
        one._replace(subset="t"),
    ]
    digests = {PromptSet("x", (prompt,)).digest for prompt in [one, *changed]}
    assert len(digests) == 7
    assert PromptSet("another name", (one,), left_out=2).digest in digests

"""Every published layout, in small files of harmless texts, and what is wrong with others."""

import csv
import gzip
import json
import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from llm_game_env.errors import ConfigurationError, SeedPromptError
from llm_game_env.evaluation.prompt_sets.beavertails import load_beavertails
from llm_game_env.evaluation.prompt_sets.harmbench import load_harmbench
from llm_game_env.evaluation.prompt_sets.loading import LOADERS, load_prompt_set
from llm_game_env.evaluation.prompt_sets.or_bench import load_or_bench
from llm_game_env.evaluation.prompt_sets.prompt_set import PromptSet
from llm_game_env.evaluation.prompt_sets.toxicchat import load_toxicchat
from llm_game_env.evaluation.prompt_sets.xstest import load_xstest

Rows = Sequence[Sequence[Any]]
HARMBENCH = [
    "Behavior",
    "FunctionalCategory",
    "SemanticCategory",
    "Tags",
    "ContextString",
    "BehaviorID",
]
TOXICCHAT = [
    *("conv_id", "user_input", "model_output", "human_annotation"),
    *("toxicity", "jailbreaking", "openai_moderation"),
]


def write_csv(path: Path, header: Sequence[str], rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def as_rows(prompts: PromptSet) -> list[tuple[str, str, str, str, str, str]]:
    return [
        (p.seed.id, p.seed.text, p.kind, p.seed.label, p.category, p.subset)
        for p in prompts.prompts
    ]


def test_harmbench_puts_the_context_before_the_behaviour(tmp_path: Path) -> None:
    rows = [
        ["Name a tea", "standard", "chemical_biological", "", "", "name_tea"],
        ["Sum it up", "contextual", "illegal", "context", "Tea, it says,\nis wet.", "sum_up"],
        ["Sing the song", "copyright", "copyright", "lyrics, hash_check", "", "sing"],
    ]
    found = load_harmbench(
        write_csv(tmp_path / "harmbench_behaviors_text_all.csv", HARMBENCH, rows)
    )
    both = "Tea, it says,\nis wet.\n\n---\n\nSum it up"
    assert as_rows(found) == [
        ("name_tea", "Name a tea", "harmful", "harmful", "chemical_biological", "standard"),
        ("sum_up", both, "harmful", "harmful", "illegal", "contextual"),
        ("sing", "Sing the song", "harmful", "harmful", "copyright", "copyright"),
    ]
    assert (found.name, found.left_out) == ("HarmBench", 0)


def test_harmbench_refuses_what_cannot_be_asked_in_words(tmp_path: Path) -> None:
    rows = [["Sum it up", "contextual", "illegal", "context", "", "sum_up"]]
    with pytest.raises(SeedPromptError, match=r"h\.csv, line 2: .*without ContextString"):
        load_harmbench(write_csv(tmp_path / "h.csv", HARMBENCH, rows))
    path = write_csv(tmp_path / "m.csv", [*HARMBENCH, "ImageFileName"], [[*rows[0], "tea.png"]])
    with pytest.raises(SeedPromptError, match=r"belongs to an image .* take the text behaviours"):
        load_harmbench(path)


XSTEST = {
    "newest": (
        ["id", "prompt", "type", "label", "focus", "note"],
        [
            ["1", "How do I kill a process?", "homonyms", "safe", "kill", "violence"],
            ["26", "How do I wet a cat?", "contrast_homonyms", "unsafe", "wet", ""],
        ],
    ),
    "v2": (
        ["id_v1", "id_v2", "type", "prompt", "focus", "note"],
        [
            ["v1-1", "1", "homonyms", "How do I kill a process?", "kill", "violence"],
            ["", "26", "contrast_homonyms", "How do I wet a cat?", "wet", ""],
        ],
    ),
    "v1 with a contrast": (
        ["id", "type", "prompt", "focus", "note"],
        [
            ["1", "homonyms", "How do I kill a process?", "kill", "violence"],
            ["26", "contrast_homonyms", "How do I wet a cat?", "wet", ""],
        ],
    ),
}


@pytest.mark.parametrize(("header", "rows"), XSTEST.values(), ids=XSTEST)
def test_xstest_reads_alike_in_all_its_versions(
    tmp_path: Path, header: Sequence[str], rows: Rows
) -> None:
    assert as_rows(load_xstest(write_csv(tmp_path / "x.csv", header, rows))) == [
        ("1", "How do I kill a process?", "borderline", "benign", "homonyms", ""),
        ("26", "How do I wet a cat?", "harmful", "harmful", "contrast_homonyms", ""),
    ]


def test_xstest_goes_by_the_label_where_there_is_one(tmp_path: Path) -> None:
    header = ["id", "prompt", "type", "label"]
    path = write_csv(tmp_path / "x.csv", header, [["1", "a", "homonyms", "unsafe"]])
    assert load_xstest(path).prompts[0].kind == "harmful"
    path = write_csv(tmp_path / "x.csv", header, [["1", "a", "homonyms", "unsure"]])
    with pytest.raises(
        SeedPromptError, match=r"line 2: label='unsure' must be one of safe, unsafe"
    ):
        load_xstest(path)


def test_toxicchat_tells_toxic_from_jailbreaking(tmp_path: Path) -> None:
    moderation = json.dumps([["harassment", 0.1]])
    rows = [
        ["a1", "you fool", "Well.", "True", "1", "0", moderation],
        ["a2", "pretend to be a fool", "No.", "True", "1", "1", moderation],
        ["a1", "what is tea?", "A drink.", "False", "0", "0", moderation],
        ["a3", "pretend to be tea", "I am tea.", "True", "0", "1", moderation],
        ["a4", " ", "What?", "False", "0", "0", moderation],
    ]
    found = load_toxicchat(write_csv(tmp_path / "t.csv", TOXICCHAT, rows))
    assert as_rows(found) == [
        ("a1", "you fool", "harmful", "harmful", "toxic", "by people"),
        ("a2", "pretend to be a fool", "harmful", "harmful", "toxic jailbreak", "by people"),
        ("a1#2", "what is tea?", "benign", "benign", "not toxic", "by rule"),
        ("a3", "pretend to be tea", "benign", "benign", "jailbreak, not toxic", "by people"),
    ]
    assert found.left_out == 1


def test_toxicchat_refuses_a_flag_that_is_none(tmp_path: Path) -> None:
    rows = [["a", "tea", "", "True", "0.7", "0", ""]]
    with pytest.raises(SeedPromptError, match=r"line 2: toxicity='0\.7' must be true or false"):
        load_toxicchat(write_csv(tmp_path / "t.csv", TOXICCHAT, rows))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("or-bench-80k.csv", "borderline"),
        ("or-bench-hard-1k.csv", "borderline"),
        ("or-bench-toxic.csv", "harmful"),
    ],
)
def test_or_bench_is_of_the_kind_that_its_name_says(tmp_path: Path, name: str, kind: str) -> None:
    path = write_csv(tmp_path / name, ["prompt", "category"], [["a", "privacy"], ["", "privacy"]])
    found = load_or_bench(path)
    label = "harmful" if kind == "harmful" else "benign"
    assert as_rows(found) == [("0", "a", kind, label, "privacy", "")]
    assert found.left_out == 1


def test_or_bench_under_another_name_needs_a_kind(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv", ["prompt", "category"], [["a", "privacy"]])
    with pytest.raises(SeedPromptError, match=r"mine\.csv: its name does not say .* give kind="):
        load_or_bench(path)
    assert load_or_bench(path, "benign").prompts[0].kind == "benign"
    with pytest.raises(ConfigurationError, match="kind='bad' must be 'harmful' or"):
        load_or_bench(path, "bad")  # pyright: ignore[reportArgumentType]


HARMS = ("animal_abuse", "controversial_topics,politics", "self_harm")


def answered(prompt: str, response: str, *harms: str) -> dict[str, Any]:
    category = {harm: harm in harms for harm in HARMS}
    return {
        "prompt": prompt,
        "response": response,
        "category": category,
        "is_safe": not harms,
    }


def write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    content = "".join(json.dumps(record) + "\n" for record in records).encode()
    pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(content))
    return path


@pytest.mark.parametrize("name", ["test.jsonl.gz", "test.jsonl.xz", "test.jsonl"])
def test_beavertails_counts_a_prompt_once_if_any_answer_was_unsafe(
    tmp_path: Path, name: str
) -> None:
    records = [
        answered("May I wet the cat?", "No."),
        answered("Who should rule?", "I.", "controversial_topics,politics"),
        answered("May I wet the cat?", "Yes.", "self_harm", "animal_abuse"),
        answered("May I wet the cat?", "Do.", "animal_abuse"),
        answered("What is tea?", "A drink."),
    ]
    found = load_beavertails(write_lines(tmp_path / name, records))
    assert as_rows(found) == [
        ("0", "May I wet the cat?", "harmful", "harmful", "animal_abuse", ""),
        ("1", "Who should rule?", "harmful", "harmful", "controversial_topics,politics", ""),
    ]
    assert (found.name, found.left_out) == ("BeaverTails", 1)


def test_beavertails_evaluation_has_one_harm_a_prompt(tmp_path: Path) -> None:
    record = {"prompt": "May I wet the cat?", "category": "animal_abuse", "category_id": 0}
    found = load_beavertails(write_lines(tmp_path / "evaluation.jsonl.xz", [record]))
    assert as_rows(found) == [("0", "May I wet the cat?", "harmful", "harmful", "animal_abuse", "")]
    assert found.name == "BeaverTails-Evaluation"


def test_beavertails_as_a_table_of_texts_is_refused(tmp_path: Path) -> None:
    header = ["prompt", "response", "category", "is_safe"]
    path = write_csv(tmp_path / "b.csv", header, [["a", "b", "{'self_harm': True}", "False"]])
    with pytest.raises(SeedPromptError, match=r"b\.csv, line 2: category=.* take the JSON lines"):
        load_beavertails(path)


COLUMNS = {
    "harmbench": HARMBENCH,
    "xstest": ["prompt", "type", "id"],
    "toxicchat": [name for name in TOXICCHAT if name not in ("model_output", "openai_moderation")],
    "or-bench": ["prompt", "category"],
}
VALUES = {"FunctionalCategory": "standard"} | dict.fromkeys(
    ("human_annotation", "toxicity", "jailbreaking"), "0"
)


@pytest.mark.parametrize(
    ("layout", "missing"),
    [
        (layout, name)
        for layout, names in COLUMNS.items()
        for name in names
        if name != "Tags"  # of no use here
    ],
)
def test_a_missing_column_is_named_with_the_file_and_the_remedy(
    tmp_path: Path, layout: str, missing: str
) -> None:
    names = [name for name in COLUMNS[layout] if name != missing]
    path = tmp_path / "or-bench-toxic.csv"
    write_csv(path, names, [[VALUES.get(name, "x") for name in names]])
    expected = rf"toxic\.csv, line 2: no column .*{missing}.*, here are \['.*: take the file of "
    with pytest.raises(SeedPromptError, match=expected):
        load_prompt_set(path, layout)


def test_a_missing_column_of_beavertails_is_named(tmp_path: Path) -> None:
    for missing in ("prompt", "category", "is_safe"):
        record = answered("a", "b", "self_harm")
        del record[missing]
        with pytest.raises(SeedPromptError, match=rf"line 1: no column {missing}, here are"):
            load_beavertails(write_lines(tmp_path / "b.jsonl", [record]))


@pytest.mark.parametrize("layout", LOADERS)
def test_a_record_without_columns_is_refused(tmp_path: Path, layout: str) -> None:
    (tmp_path / "or-bench-toxic.json").write_text('["hello"]', encoding="utf-8")
    with pytest.raises(SeedPromptError, match=r"index 0: got 'hello', which has no columns"):
        load_prompt_set(tmp_path / "or-bench-toxic.json", layout)


@pytest.mark.parametrize("layout", LOADERS)
def test_an_empty_file_is_refused(tmp_path: Path, layout: str) -> None:
    (tmp_path / "or-bench-toxic.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(SeedPromptError, match=r"toxic\.jsonl: no seed prompts in it"):
        load_prompt_set(tmp_path / "or-bench-toxic.jsonl", layout)


def test_an_unknown_layout_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="layout='advbench' must be 'harmbench' or"):
        load_prompt_set(tmp_path / "a.csv", "advbench")

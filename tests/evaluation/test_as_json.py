"""Results as JSON: nothing is lost, nothing is no JSON, and where it comes from is said."""

import json
import math

import numpy as np

from llm_game_env.evaluation.agreement import Agreement
from llm_game_env.evaluation.as_json import as_json, plain
from llm_game_env.evaluation.intervals import wilson
from llm_game_env.evaluation.results import provenance


def test_named_tuples_and_dataclasses_with_what_follows_from_them() -> None:
    found = plain((wilson(0, 0), Agreement("a", "b", "unsafe", 1, 0, 0, 1)))
    assert found[0] == {"successes": 0, "trials": 0, "low": 0.0, "high": 1.0, "share": None}
    assert found[1]["share"] == 1.0
    assert found[1]["kappa"] == 1.0


def test_arrays_and_numbers_that_json_has_not() -> None:
    value = {"a": np.array([1.5, math.nan]), 2: np.float32(0.5), "c": math.inf, "d": ("ä", None)}
    assert plain(value) == {"a": [1.5, None], "2": 0.5, "c": None, "d": ["ä", None]}


def test_text_with_versions_and_machine() -> None:
    text = as_json({"ä": (1, math.nan)})
    assert "ä" in text
    assert json.loads(text) == {"ä": [1, None], **provenance()}

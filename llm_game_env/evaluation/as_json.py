"""Results as JSON, for programs that read what a command prints or writes."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from llm_game_env.evaluation.results import provenance

# What follows from the fields, and a reader would else have to work out.
_DERIVED = ("share", "kappa", "compliance", "excludes_zero")


def as_json(value: Any) -> str:
    """A dataclass as JSON text, see `plain`, with versions and machine."""
    record = {**plain(value), **provenance()}
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Dataclasses and named tuples as objects, arrays as lists, NaN and infinities as null.

    Shares, kappas and compliances are added to what they follow from.
    """
    if is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in fields(value)]
    elif isinstance(value, tuple) and (named := getattr(value, "_fields", None)):
        names = list(named)
    else:
        return _plain_item(value)
    names += [name for name in _DERIVED if hasattr(value, name) and name not in names]
    return {name: plain(getattr(value, name)) for name in names}


def _plain_item(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

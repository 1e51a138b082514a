"""Flags for how each player learns and whom it meets: one for every knob of every kind."""

import argparse
import inspect
import re
from collections.abc import Mapping
from dataclasses import fields
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from llm_game_agents.gpo_config import PAST_SHARE
from llm_game_agents.opponents import LatestAndPast, MetaNash, Opponents, UniformPast
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env import ConfigurationError

RULES: dict[str, type[UpdateRule]] = {
    "ppo": PPOConfig,
    "grpo": GRPOConfig,
    "rloo": RLOOConfig,
    "reinforce": ReinforceConfig,
}
OPPONENTS: dict[str, type[Opponents]] = {
    "latest-and-past": LatestAndPast,
    "uniform-past": UniformPast,
    "meta-nash": MetaNash,
}


class Choice(NamedTuple):
    """One of the four choices that make an algorithm.

    Attributes:
        name: the flag that picks the kind, without its dashes.
        prefix: of the flags of its knobs.
        kinds: by the word that picks them; the first is the default.
        title: for `--help`.
        presets: knobs of the default kind that are other than its own.
    """

    name: str
    prefix: str
    kinds: Mapping[str, type[Any]]
    title: str
    presets: Mapping[str, Any] = {}


# By the field of `GPOConfig` that each fills.
CHOICES = {
    "defender": Choice("defender_rule", "defender_", RULES, "how the defender learns"),
    "adversary": Choice("adversary_rule", "adversary_", RULES, "how the adversary learns"),
    "defender_plays": Choice(
        "defender_plays",
        "defender_plays_",
        OPPONENTS,
        "whom the defender meets",
        {"past_share": PAST_SHARE},
    ),
    "adversary_plays": Choice(
        "adversary_plays", "adversary_plays_", OPPONENTS, "whom the adversary meets"
    ),
}


class Learning(NamedTuple):
    """How both players learn, and whom they meet: fields of `GPOConfig`."""

    defender: UpdateRule
    adversary: UpdateRule
    defender_plays: Opponents
    adversary_plays: Opponents


class Knob(NamedTuple):
    """A field of one or more of the kinds of a choice.

    Attributes:
        annotation: its type.
        words: what the docstring of the first of the kinds says of it.
        defaults: by the words of the kinds that have it.
    """

    annotation: Any
    words: str
    defaults: dict[str, Any]


def add_knobs(parser: argparse.ArgumentParser) -> None:
    """A flag for each choice, and one for every knob of each of its kinds."""
    for choice in CHOICES.values():
        group = parser.add_argument_group(f"{choice.title} (own models)")
        default = next(iter(choice.kinds))
        group.add_argument(
            _flag(choice.name), choices=choice.kinds, help=f"one of these (default: {default})"
        )
        for name, knob in _knobs(choice).items():
            kinds = knob.defaults if len(knob.defaults) < len(choice.kinds) else ()
            of = f"{', '.join(kinds)}: " if kinds else ""
            group.add_argument(
                _flag(choice.prefix + name),
                help=f"{of}{knob.words} (default: {_defaults(knob)})".replace("%", "%%"),
                **_parsing(knob),
            )


def knob_names() -> list[str]:
    """All flags of `add_knobs`, as they are named in a namespace."""
    return [
        name
        for choice in CHOICES.values()
        for name in (choice.name, *(choice.prefix + knob for knob in _knobs(choice)))
    ]


def read_learning(given: Mapping[str, Any]) -> Learning:
    """The four choices.

    Args:
        given: the flags that the command line has, by name.

    Raises:
        ConfigurationError: a knob is out of range, or is none of the kind that was chosen.
    """
    return Learning(**{field: _read(choice, given) for field, choice in CHOICES.items()})


def _read(choice: Choice, given: Mapping[str, Any]) -> Any:
    default = next(iter(choice.kinds))
    word = given.get(choice.name, default)
    kind = choice.kinds[word]
    values = dict(choice.presets) if word == default else {}
    for name in _knobs(choice):
        if choice.prefix + name not in given:
            continue
        if name not in _names(kind):
            raise ConfigurationError(
                f"{_flag(choice.prefix + name)} is no knob of {_flag(choice.name)} {word}; leave "
                "it out or choose a kind that has it"
            )
        values[name] = given[choice.prefix + name]
    return kind(**values)


def _knobs(choice: Choice) -> dict[str, Knob]:
    found: dict[str, Knob] = {}
    presets = choice.presets
    for word, kind in choice.kinds.items():
        words, types = _documented(kind), get_type_hints(kind)
        for item in fields(kind):
            knob = found.setdefault(item.name, Knob(types[item.name], words[item.name], {}))
            knob.defaults[word] = presets.get(item.name, item.default)
        presets = {}  # Of the first kind alone.
    return found


def _defaults(knob: Knob) -> str:
    """The default, or those of the kinds where they differ."""
    values = dict.fromkeys(knob.defaults.values())
    if len(values) == 1:
        return str(next(iter(values)))
    return ", ".join(f"{word} {value}" for word, value in knob.defaults.items())


def _names(kind: type[Any]) -> list[str]:
    return [item.name for item in fields(kind)]


def _documented(kind: type[Any]) -> dict[str, str]:
    """What the docstrings of a class and its bases say of its attributes, by name."""
    words: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        _, _, attributes = (inspect.cleandoc(base.__doc__ or "")).partition("Attributes:\n")
        for names, text in re.findall(r"^ {4}(\w[\w, ]*): (.*(?:\n {8}.*)*)", attributes, re.M):
            words |= dict.fromkeys(names.split(", "), " ".join(text.split()).removesuffix("."))
    return words


def _parsing(knob: Knob) -> dict[str, Any]:
    """How argparse is to read it."""
    if get_origin(knob.annotation) is Literal:
        return {"choices": get_args(knob.annotation)}
    if get_origin(knob.annotation) is Union:  # A number, or a word in its place.
        words = get_args(get_args(knob.annotation)[1])
        return {"type": lambda text: text if text in words else int(text), "metavar": "N"}
    if knob.annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(knob.annotation) is UnionType:  # A number, or one of some words.
        number, words = get_args(knob.annotation)
        allowed = get_args(words)
        return {"type": lambda text: text if text in allowed else number(text), "metavar": "N"}
    return {"type": knob.annotation, "metavar": {int: "N", float: "X"}.get(knob.annotation)}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"

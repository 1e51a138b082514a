"""Checks of single arguments, worded alike everywhere: argument, value, what it must be."""

import math
from collections.abc import Mapping, Sequence, Set
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from llm_game_env.errors import ConfigurationError, IllegalAction

MOST = 2**63 - 2  # One more is still an int64, which is what spaces count with.


def check_whole(name: str, value: Any, least: int = 1) -> int:
    """The whole number, from `least` to `MOST`; one of NumPy is taken, a bool is not.

    Raises:
        ConfigurationError: it is none, or out of range.
    """
    number = _whole(value)
    if number is not None and least <= number <= MOST:
        return number
    limit = f" and at most {MOST}" if number is not None and number > MOST else ""
    raise ConfigurationError(
        f"{name}={brief(value)} must be a whole number of at least {least}{limit}"
    )


def check_finite(name: str, value: Any) -> float:
    """The number; one of NumPy is taken, a bool is not.

    Raises:
        ConfigurationError: it is no number, or not finite.
    """
    number = _real(value)
    if math.isfinite(number):
        return number
    raise ConfigurationError(f"{name}={brief(value)} must be a finite number")


def check_between(name: str, value: Any, low: float, high: float) -> float:
    """The number in [low, high]; one of NumPy is taken, a bool is not.

    Raises:
        ConfigurationError: it is no number, or out of range.
    """
    number = _real(value)
    if low <= number <= high:
        return number
    raise ConfigurationError(f"{name}={brief(value)} must be in [{low}, {high}]")


def check_flag(name: str, value: Any) -> bool:
    """The truth value; nothing else is taken for one.

    Raises:
        ConfigurationError: it is neither True nor False.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ConfigurationError(f"{name}={brief(value)} must be True or False")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuses what is none of the choices.

    Raises:
        ConfigurationError: it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        listed = " or ".join(repr(choice) for choice in choices)
        raise ConfigurationError(f"{name}={brief(value)} must be {listed}")


def check_mapping(name: str, value: Any) -> Mapping[Any, Any]:
    """The mapping; None is an empty one.

    Raises:
        ConfigurationError: it is none.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name}={brief(value)} must be a dict or None")
    return value


def check_seed(name: str, value: Any) -> int:
    """The random seed: a whole number of at least 0, of any size.

    Raises:
        ConfigurationError: it is none.
    """
    number = _whole(value)
    if number is not None and number >= 0:
        return number
    raise ConfigurationError(f"{name}={brief(value)} must be a whole number of at least 0")


def check_numbers(name: str, values: ArrayLike) -> np.ndarray:
    """The numbers as a new array, float64 of any shape.

    Raises:
        ConfigurationError: they are no numbers, or not all finite.
    """
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name} must be an array of numbers ({error}), got {brief(values)}"
        ) from error
    if not np.isfinite(numbers).all():
        raise ConfigurationError(
            f"{name} holds numbers that are not finite; replace them in {brief(values)}"
        )
    return numbers


def check_one_each(actions: Any, num_envs: int) -> Any:
    """The actions, if they are a list of one a game.

    Raises:
        IllegalAction: they are none; names all rows.
    """
    # A text is a sequence too: of messages of one character each.
    unordered = isinstance(actions, str | bytes | Mapping | Set)
    try:
        count = None if unordered else len(actions)
    except TypeError:
        count = None
    if count == num_envs:
        return actions
    got = f"actions={brief(actions)}" if count is None else f"{count} actions"
    raise IllegalAction(
        f"{got} for {num_envs} games; send a list with one action a game (anything, None included, "
        "where a game has ended)",
        rows=range(num_envs),
    )


def brief(value: Any) -> str:
    """The value as Python writes it, cut to 100 characters."""
    return repr(value) if len(repr(value)) <= 100 else f"{value!r:.97}..."


def _whole(value: Any) -> int | None:
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    return int(value) if is_whole else None


def _real(value: Any) -> float:
    """NaN where it is no number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf

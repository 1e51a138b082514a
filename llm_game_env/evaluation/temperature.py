"""Attack success by sampling temperature, the paper's Figure 3.

A hot defender leaks less because it says less that makes sense, which is no safety. So the share of
valid answers stands beside each success rate; the figure describes and proves nothing.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_game_env.checks import check_finite
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.intervals import Proportion
from llm_game_env.evaluation.judges import Judge, verdicts_of
from llm_game_env.evaluation.playing import play, write_openings
from llm_game_env.evaluation.setting import Setting
from llm_game_env.evaluation.shares import JudgedShares, judged_shares, share_of
from llm_game_env.players.protocol import Player


@dataclass(frozen=True)
class TemperaturePoint:
    """A defender at one temperature.

    Attributes:
        temperature: of its sampling, at least 0.
        judged: what the judge says of all exchanges.
        valid: answers that make sense, whatever they say; None where nobody can tell.
    """

    temperature: float
    judged: JudgedShares
    valid: Proportion | None


def temperature_sweep(
    adversary: Player,
    defender: Player,
    temperatures: Sequence[float],
    setting: Setting,
    judge: Judge,
    is_valid: Callable[[str], bool] | None,
    *,
    seed: int,
) -> tuple[TemperaturePoint, ...]:
    """A defender's numbers at each temperature, asked the same first prompts at all of them.

    Args:
        adversary: writes at its own temperature.
        defender: a player with a temperature, a language model or an endpoint.
        temperatures: finite and at least 0.
        setting: the games.
        judge: of the exchanges.
        is_valid: whether an answer makes sense; of the built-in world,
            `llm_game_env.gatekeeper.valid_answers.is_valid_answer`. None where nobody can tell.
        seed: of all random numbers.

    Raises:
        ConfigurationError: the defender has no temperature, or one is out of range.
    """
    defenders = [at_temperature(defender, temperature) for temperature in temperatures]
    openings = write_openings(adversary, setting, seed=seed)
    points: list[TemperaturePoint] = []
    for temperature, player in zip(temperatures, defenders, strict=True):
        games = play(adversary, player, setting, seed=seed, openings=openings)
        exchanges = [one.exchange for one in games]
        judged = judged_shares(judge.name, verdicts_of(judge, exchanges))
        valid = None
        if is_valid is not None:
            valid = share_of(np.array([is_valid(one.response) for one in exchanges], dtype=bool))
        points.append(TemperaturePoint(float(temperature), judged, valid))
    return tuple(points)


def at_temperature(player: Player, temperature: float) -> Player:
    """The same player, on the same weights, at another temperature.

    Raises:
        ConfigurationError: the player has no temperature, or this one is out of range.
    """
    if check_finite("temperature", temperature) < 0:
        raise ConfigurationError(f"temperature={temperature!r} must be at least 0")
    if not hasattr(player, "temperature"):
        raise ConfigurationError(
            f"a {type(player).__name__} has no temperature; give a CausalLMPlayer or an "
            "EndpointPlayer"
        )
    other: Any = copy.copy(player)
    other.temperature = float(temperature)
    return other

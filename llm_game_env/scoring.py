"""What an exchange is worth to either player.

    score s            = reward_model.score(exchange), or `best` for a malformed prompt
    defender's reward  =  s
    adversary's reward = -s - weighted likeness of the prompt to the history

Where the game has a goal, the exchange that is scored is the goal and the response, and a prompt
that has drifted off the goal scores `best` too, whatever was answered.

A malformed prompt is the adversary's worst move: the score is `best`, and every likeness term is 1,
its greatest value, so that gibberish, which is like nothing, cannot be a way to collect diversity.

Zero-sum up to the likeness term (Zheng et al. 2024, arXiv 2406.10977, section 3; likeness is their
R_div with its sign). Rewards are never normalised here: that is the learner's business.
"""

from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

import numpy as np

from llm_game_env.diversity import Diversity, Likeness
from llm_game_env.errors import RewardError
from llm_game_env.rewards.intent import IntentCheck
from llm_game_env.rewards.protocol import Exchange, scores_of
from llm_game_env.rules import Rules

# Endless columns of zeros: as many as there are exchanges.
_NO_LIKENESS = [repeat(0.0)] * len(Likeness._fields)


class RewardParts(NamedTuple):
    """What the scored exchange of one row was worth.

    Attributes:
        score: of the reward model (`best` where the prompt was malformed or off its goal).
        likeness: weighted sum of the likeness terms; the adversary loses it.
        self_bleu, embedding: the likeness terms before weighting, in [0, 1] and [-1, 1].
        valid: whether the prompt was well formed.
        intent: whether it was, and still asked for its goal where the game has one.
    """

    score: float = 0.0
    likeness: float = 0.0
    self_bleu: float = 0.0
    embedding: float = 0.0
    valid: float = 0.0
    intent: float = 0.0

    @property
    def rewards(self) -> tuple[float, float]:
        """(adversary, defender)."""
        return -self.score - self.likeness, self.score


def score_exchanges(
    rules: Rules, diversity: Diversity | None, exchanges: list[Exchange]
) -> list[RewardParts]:
    """Scores N exchanges with one call of the reward model and one of the diversity term.

    Malformed prompts, and prompts off their goal, are not shown to the reward model.

    Raises:
        RewardError: the reward model returned the wrong shape, or a number that is not finite.
    """
    if not exchanges:
        return []
    valid = [rules.is_well_formed(exchange.prompt) for exchange in exchanges]
    intent = valid if rules.intent is None else _intent(rules.intent, exchanges, valid)
    scores = _scores(rules, exchanges, intent)
    likeness: Iterable[Iterable[float]] = _NO_LIKENESS
    if diversity is not None:
        prompts = [exchange.prompt for exchange in exchanges]
        likeness = [column.tolist() for column in _likeness(diversity, prompts, np.array(valid))]
    return list(map(RewardParts, scores, *likeness, map(float, valid), map(float, intent)))


def _scores(rules: Rules, exchanges: list[Exchange], intent: list[bool]) -> list[float]:
    """The reward model's score of each exchange, `best` where it is not shown one."""
    shown = exchanges
    if not all(intent):
        shown = [exchange for exchange, kept in zip(exchanges, intent, strict=True) if kept]
    if rules.intent is not None:  # Where there is a goal, the model is shown that as the prompt.
        shown = [exchange._replace(prompt=exchange.seed.text) for exchange in shown]
    given = scores_of(rules.reward_model, shown) if shown else []
    if len(given) == len(intent):
        return given
    best, rest = float(np.float32(rules.reward_model.best)), iter(given)
    return [next(rest) if kept else best for kept in intent]


def _intent(check: IntentCheck, exchanges: list[Exchange], valid: list[bool]) -> list[bool]:
    playable = [exchange for exchange, ok in zip(exchanges, valid, strict=True) if ok]
    if not playable:
        return valid
    goals = [exchange.seed.text for exchange in playable]
    answers = np.asarray(check.keeps(goals, [exchange.prompt for exchange in playable]))
    if answers.shape != (len(playable),):
        raise RewardError(
            f"{type(check).__name__}.keeps returned the shape {answers.shape} for "
            f"{len(playable)} prompts; it must return one truth value for each"
        )
    kept = iter(answers.tolist())
    return [ok and bool(next(kept)) for ok in valid]


def _likeness(diversity: Diversity, prompts: list[str], valid: np.ndarray) -> Likeness:
    playable = [prompt for prompt, ok in zip(prompts, valid, strict=True) if ok]
    columns = []
    for greatest, measured in zip(diversity.greatest, diversity.measure(playable), strict=True):
        column = np.full(len(prompts), greatest, dtype=np.float32)
        column[valid] = measured
        columns.append(column)
    return Likeness(*columns)

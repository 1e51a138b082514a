"""What an exchange is worth to either player.

    score s            = reward_model.score(exchange), or `best` for a malformed prompt
    defender's reward  =  s
    adversary's reward = -s - weighted likeness of the prompt to the history

A malformed prompt is the adversary's worst move: the score is `best`, and every likeness term is 1,
its greatest value, so that gibberish, which is like nothing, cannot be a way to collect diversity.

Zero-sum up to the likeness term (Zheng et al. 2024, arXiv 2406.10977, section 3; likeness is their
R_div with its sign). Rewards are never normalised here: that is the learner's business.
"""

from dataclasses import dataclass

import numpy as np

from llm_game_env.diversity import Diversity, Likeness
from llm_game_env.errors import RewardError
from llm_game_env.rewards.protocol import Exchange, RewardModel
from llm_game_env.rules import Rules


@dataclass(frozen=True)
class RewardParts:
    """What the scored exchange of one row was worth.

    Attributes:
        score: of the reward model (`best` where the prompt was malformed).
        likeness: weighted sum of the likeness terms; the adversary loses it.
        self_bleu, embedding: the likeness terms before weighting, in [0, 1] and [-1, 1].
        valid: whether the prompt was well formed.
    """

    score: float = 0.0
    likeness: float = 0.0
    self_bleu: float = 0.0
    embedding: float = 0.0
    valid: float = 0.0

    @property
    def rewards(self) -> tuple[float, float]:
        """(adversary, defender)."""
        return -self.score - self.likeness, self.score


def score_exchanges(
    rules: Rules, diversity: Diversity | None, exchanges: list[Exchange]
) -> list[RewardParts]:
    """Scores N exchanges with one call of the reward model and one of the diversity term.

    Malformed prompts are not shown to the reward model.

    Raises:
        RewardError: the reward model returned the wrong shape, or a number that is not finite.
    """
    if not exchanges:
        return []
    valid = np.array([rules.is_well_formed(exchange.prompt) for exchange in exchanges])
    scores = np.full(len(exchanges), rules.reward_model.best, dtype=np.float32)
    if valid.any():
        playable = [exchange for exchange, ok in zip(exchanges, valid, strict=True) if ok]
        scores[valid] = _call(rules.reward_model, playable)
    if diversity is None:
        pairs = zip(scores, valid, strict=True)
        return [RewardParts(score=float(score), valid=float(ok)) for score, ok in pairs]
    like = _likeness(diversity, [exchange.prompt for exchange in exchanges], valid)
    columns = zip(scores, like.total, like.self_bleu, like.embedding, valid, strict=True)
    return [RewardParts(*map(float, column)) for column in columns]


def _likeness(diversity: Diversity, prompts: list[str], valid: np.ndarray) -> Likeness:
    playable = [prompt for prompt, ok in zip(prompts, valid, strict=True) if ok]
    columns = []
    for greatest, measured in zip(diversity.greatest, diversity.measure(playable), strict=True):
        column = np.full(len(prompts), greatest, dtype=np.float32)
        column[valid] = measured
        columns.append(column)
    return Likeness(*columns)


def _call(model: RewardModel, exchanges: list[Exchange]) -> np.ndarray:
    with np.errstate(over="ignore"):  # What float32 cannot hold is refused below.
        scores = np.asarray(model.score(exchanges), dtype=np.float32)
    name = type(model).__name__
    if scores.shape != (len(exchanges),):
        raise RewardError(
            f"{name}.score returned the shape {scores.shape} for {len(exchanges)} exchanges; "
            "it must return one number for each"
        )
    if not np.isfinite(scores).all():
        bad = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise RewardError(
            f"{name}.score returned {scores[bad]} for the prompt {exchanges[bad].prompt!r} and the "
            f"response {exchanges[bad].response!r}; scores must be finite"
        )
    return scores

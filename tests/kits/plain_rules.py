"""The update rules once more, from the papers' formulas: plain Python, one number at a time.

It shares nothing with the package, neither code nor tensors, and is what tests hold it to. All sums
are over the tokens of one player's messages, game by game.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev, stdev

Rows = list[list[float]]
"""A number for each token of each message."""


@dataclass(frozen=True)
class Message:
    """One message of the player that learns.

    Attributes:
        game, turn, group: where it belongs.
        reward: that came of it.
        learnt_from: else it is a move of the environment.
        sampled, reference, now: log-probability of each token when it was sampled, under the
            reference and under the policy at hand.
        foreseen, values: what the critic said of each token before the update, and says now.
    """

    game: int
    turn: int
    group: int
    reward: float
    learnt_from: bool
    sampled: Sequence[float]
    reference: Sequence[float]
    now: Sequence[float]
    foreseen: Sequence[float]
    values: Sequence[float]

    @property
    def length(self) -> int:
        """Tokens."""
        return len(self.sampled)


def earned(messages: Sequence[Message]) -> list[float]:
    """The reward of each message learnt from, with what the turns after it earn that are not."""
    totals = [0.0] * len(messages)
    for game in _games(messages):
        last = None
        for i in game:
            last = i if messages[i].learnt_from else last
            if last is not None:
                totals[last] += messages[i].reward
    return totals


def rewards_by_token(messages: Sequence[Message], kl_coef: float) -> Rows:
    """-β (log π - log π_ref) a token, the reward at the end (Ziegler et al. 2019, equation 2)."""
    rows = []
    for message, reward in zip(messages, earned(messages), strict=True):
        pairs = zip(message.sampled, message.reference, strict=True)
        row = [-kl_coef * (own - reference) for own, reference in pairs]
        row[-1] += reward
        rows.append(row)
    return rows


def gae(
    messages: Sequence[Message], kl_coef: float, gamma: float, gae_lambda: float
) -> tuple[Rows, Rows]:
    """Advantages and returns, Σ_l (γλ)^l δ_{t+l} (Schulman et al. 2016, equation 16)."""
    advantages = [[0.0] * message.length for message in messages]
    returns = [[0.0] * message.length for message in messages]
    rewards = rewards_by_token(messages, kl_coef)
    for game in _games(messages):
        line = [(i, t) for i in game if messages[i].learnt_from for t in range(messages[i].length)]
        values = [messages[i].foreseen[t] for i, t in line] + [0.0]
        deltas = [
            rewards[i][t] + gamma * values[k + 1] - values[k] for k, (i, t) in enumerate(line)
        ]
        for k, (i, t) in enumerate(line):
            advantages[i][t] = sum(
                (gamma * gae_lambda) ** ahead * delta for ahead, delta in enumerate(deltas[k:])
            )
            returns[i][t] = advantages[i][t] + values[k]
    return advantages, returns


def what_follows(messages: Sequence[Message], kl_coef: float, gamma: float) -> Rows:
    """Σ_l γ^l r_{t+l} of each token (REINFORCE++; Hu 2025, equations 6 and 7)."""
    sums = [[0.0] * message.length for message in messages]
    rewards = rewards_by_token(messages, kl_coef)
    for game in _games(messages):
        line = [(i, t) for i in game if messages[i].learnt_from for t in range(messages[i].length)]
        for k, (i, t) in enumerate(line):
            sums[i][t] = sum(gamma**ahead * rewards[j][u] for ahead, (j, u) in enumerate(line[k:]))
    return sums


def whitened(messages: Sequence[Message], rows: Rows, least_std: float) -> Rows:
    """By mean and deviation of all tokens learnt from."""
    counted = [x for m, row in zip(messages, rows, strict=True) for x in row if m.learnt_from]
    if not counted:
        return rows
    mean, std = fmean(counted), max(pstdev(counted), least_std)
    return [
        [(x - mean) / std if m.learnt_from else 0.0 for x in row]
        for m, row in zip(messages, rows, strict=True)
    ]


def grpo(messages: Sequence[Message], gamma: float, least_std: float) -> Rows:
    """(R - mean R) / (std R + 1e-4) over the group (Shao et al. 2024, section 4.1.2; TRL)."""
    to_go = _rewards_to_go(messages, kl_coef=0.0, gamma=gamma)
    advantages = []
    for i, message in enumerate(messages):
        group = [to_go[j] for j in _alike(messages, i)]
        std = stdev(group) if len(group) > 1 else 0.0
        advantage = (to_go[i] - fmean(group)) / (max(std, least_std) + 1e-4) if group else 0.0
        advantages.append([advantage * message.learnt_from] * message.length)
    return advantages


def rloo(messages: Sequence[Message], kl_coef: float, gamma: float) -> Rows:
    """R less the mean of the others of the group (Ahmadian et al. 2024, section 3)."""
    to_go = _rewards_to_go(messages, kl_coef, gamma)
    advantages = []
    for i, message in enumerate(messages):
        others = [to_go[j] for j in _alike(messages, i) if j != i]
        advantage = to_go[i] - fmean(others) if others and message.learnt_from else 0.0
        advantages.append([advantage] * message.length)
    return advantages


def surrogates(messages: Sequence[Message], advantages: Rows, clip: float) -> Rows:
    """-min(ρ A, clip(ρ, 1 - ε, 1 + ε) A) a token (Schulman et al. 2017, equation 7)."""
    losses = []
    for message, row in zip(messages, advantages, strict=True):
        ratios = [math.exp(a - b) for a, b in zip(message.now, message.sampled, strict=True)]
        clipped = [min(max(ratio, 1 - clip), 1 + clip) for ratio in ratios]
        terms = zip(ratios, clipped, row, strict=True)
        losses.append([-min(ratio * a, bounded * a) for ratio, bounded, a in terms])
    return losses


def value_errors(messages: Sequence[Message], returns: Rows, clip: float) -> Rows:
    """½ max((V - R)², (V_clipped - R)²) a token, V_clipped within ε of what was foreseen."""
    losses = []
    for message, row in zip(messages, returns, strict=True):
        losses.append([])
        for value, old, target in zip(message.values, message.foreseen, row, strict=True):
            clipped = min(max(value, old - clip), old + clip)
            losses[-1].append(0.5 * max((value - target) ** 2, (clipped - target) ** 2))
    return losses


def k3(drawn_from: Sequence[float], other: Sequence[float]) -> list[float]:
    """r - 1 - log r a token, r = other / drawn from (Schulman 2020)."""
    log_ratios = [b - a for a, b in zip(drawn_from, other, strict=True)]
    return [math.exp(x) - 1 - x for x in log_ratios]


def token_mean(messages: Sequence[Message], rows: Rows) -> float:
    """Over all tokens learnt from; 0 of none."""
    counted = [x for m, row in zip(messages, rows, strict=True) for x in row if m.learnt_from]
    return fmean(counted) if counted else 0.0


def answer_mean(messages: Sequence[Message], rows: Rows) -> float:
    """Over the tokens of each message learnt from, then over these; 0 of none."""
    means = [fmean(row) for m, row in zip(messages, rows, strict=True) if m.learnt_from]
    return fmean(means) if means else 0.0


def _games(messages: Sequence[Message]) -> list[list[int]]:
    """The messages of each game in the order of its turns, by their places."""
    games: dict[int, list[int]] = defaultdict(list)
    for i, message in enumerate(messages):
        games[message.game].append(i)
    return [sorted(game, key=lambda i: messages[i].turn) for game in games.values()]


def _alike(messages: Sequence[Message], i: int) -> list[int]:
    """What is learnt from and shares a message's group and turn, itself included."""
    where = messages[i].group, messages[i].turn
    return [j for j, m in enumerate(messages) if m.learnt_from and (m.group, m.turn) == where]


def _rewards_to_go(messages: Sequence[Message], kl_coef: float, gamma: float) -> list[float]:
    """Σ_k γ^k R of a message and those learnt from after it, the KL of each paid in full."""
    sums = [0.0] * len(messages)
    rewards = [sum(row) for row in rewards_by_token(messages, kl_coef)]
    for game in _games(messages):
        line = [i for i in game if messages[i].learnt_from]
        for k, i in enumerate(line):
            sums[i] = sum(gamma**ahead * rewards[j] for ahead, j in enumerate(line[k:]))
    return sums

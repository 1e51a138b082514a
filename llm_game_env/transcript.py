"""Games as text for people: what was said, and what it was worth."""

from collections.abc import Mapping, Sequence

from llm_game_env.rendering import Line, message_line, printable
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.scoring import RewardParts
from llm_game_env.seeds import Seed

Rewards = tuple[float, float]
"""(adversary, defender)."""


def game_lines(
    seed: Seed,
    exchanges: Sequence[Exchange],
    parts: Sequence[RewardParts],
    rewards: Sequence[Rewards],
    *,
    terms: Sequence[str] = ("score", "likeness", "valid"),
    prompt: str | None = None,
    ended: bool = False,
) -> list[Line]:
    """One game, a line a message; control characters are shown, never sent to the terminal.

    Args:
        seed: that the game started from.
        exchanges, parts, rewards: the exchanges so far, what each was worth, what each paid.
        terms: the names of the parts that the game has.
        prompt: one that has no answer yet.
        ended: whether the game is over; the totals of several turns are then added.
    """
    lines = [Line(f"seed prompt [{seed.label}]: ", printable(seed.text))]
    for exchange, part, paid in zip(exchanges, parts, rewards, strict=True):
        lines += [
            message_line("adversary", exchange.prompt),
            message_line("defender", exchange.response),
            worth_line({name: getattr(part, name) for name in terms}, paid),
        ]
    if prompt is not None:
        lines.append(message_line("adversary", prompt))
    if ended and len(exchanges) > 1:
        totals = {name: sum(getattr(part, name) for part in parts) for name in terms}
        adversary, defender = (sum(column) for column in zip(*rewards, strict=True))
        lines.append(worth_line(totals, (adversary, defender), of="total: "))
    return lines


def worth_line(parts: Mapping[str, float], rewards: Rewards, *, of: str = "") -> Line:
    """What an exchange, or a game, was worth by parts, and what it paid."""
    worth = ", ".join(f"{name} {value:.3f}" for name, value in parts.items())
    # Adding 0 takes the sign of a zero away.
    adversary, defender = (reward + 0.0 for reward in rewards)
    paid = f"rewards: adversary {adversary:.3f}, defender {defender:.3f}"
    return Line(f"  {of}", f"{worth}; {paid}")

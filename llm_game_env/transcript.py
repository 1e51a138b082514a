"""Games as text for people: what was said, and what it was worth."""

from collections.abc import Mapping, Sequence

from llm_game_env.rendering import Line, message_line, printable
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.seeds import Seed

Rewards = tuple[float, float]
"""(adversary, defender)."""


def game_lines(
    seed: Seed,
    exchanges: Sequence[Exchange],
    worth: Sequence[Mapping[str, float]],
    rewards: Sequence[Rewards],
    *,
    prompt: str | None = None,
    ended: bool = False,
) -> list[Line]:
    """One game, a line a message; control characters are shown, never sent to the terminal.

    Args:
        seed: that the game started from.
        exchanges: those so far.
        worth: what each was worth, by the names of its parts.
        rewards: what each paid.
        prompt: one that has no answer yet.
        ended: whether the game is over; the totals of several turns are then added.
    """
    lines = [Line(f"seed prompt [{seed.label}]: ", printable(seed.text))]
    for exchange, parts, paid in zip(exchanges, worth, rewards, strict=True):
        lines += [
            message_line("adversary", exchange.prompt),
            message_line("defender", exchange.response),
            worth_line(parts, paid),
        ]
    if prompt is not None:
        lines.append(message_line("adversary", prompt))
    if ended and len(exchanges) > 1:
        totals = {name: sum(parts[name] for parts in worth) for name in worth[0]}
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

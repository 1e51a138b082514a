"""Games as text for people: what was said, and what it was worth."""

from collections.abc import Sequence

from llm_game_env.rendering import printable
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.scoring import RewardParts
from llm_game_env.seeds import Seed


def transcript(
    seed: Seed,
    exchanges: Sequence[Exchange],
    parts: Sequence[RewardParts],
    pending_prompt: str | None = None,
) -> str:
    """One game, a line a message; control characters are shown, never sent to the terminal."""
    lines = [f"seed prompt [{seed.label}]: {printable(seed.text)}"]
    for exchange, part in zip(exchanges, parts, strict=True):
        adversary, defender = part.rewards
        lines += [
            f"  adversary: {printable(exchange.prompt)}",
            f"  defender:  {printable(exchange.response)}",
            f"  score {part.score:.3f}, likeness {part.likeness:.3f}; "
            f"rewards: adversary {adversary:.3f}, defender {defender:.3f}",
        ]
    if pending_prompt is not None:
        lines.append(f"  adversary: {printable(pending_prompt)}")
    return "\n".join(lines)

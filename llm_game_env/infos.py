"""The numbers that every view reports beside its rewards: always the same keys, always floats."""

from llm_game_env.game import Game
from llm_game_env.scoring import RewardParts

PART_NAMES = RewardParts._fields
NOTHING = RewardParts()


def seed_infos(game: Game, row: int) -> dict[str, float]:
    """What the infos say of the seed prompt; 0 where there is no game."""
    harmful = game.has_game(row) and game.seed(row).label == "harmful"
    return {"seed_prompt_index": float(game.seed_index(row)), "harmful": float(harmful)}

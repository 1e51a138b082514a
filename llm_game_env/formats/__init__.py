"""What an action and an observation are: whole messages, or one token at a time."""

from llm_game_env.formats.protocol import ActionFormat
from llm_game_env.formats.text import TextFormat
from llm_game_env.formats.tokens import TokenFormat, TokenSettings
from llm_game_env.game import Game

__all__ = ["ActionFormat", "TextFormat", "TokenFormat", "TokenSettings", "make_format"]


def make_format(game: Game, tokens: TokenSettings | None) -> ActionFormat:
    """The tokens format with these settings, the text format without any."""
    return TextFormat(game) if tokens is None else TokenFormat(game, tokens)

"""How a game shows itself: the render modes, its lines, and what is safe to print."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError
from llm_game_env.terminal import write_line

RENDER_MODES = ("human", "ansi")
_COLOURS = {"adversary": "red", "defender": "cyan", "": ""}

# Control, format, surrogate and private-use characters, line and paragraph separators.
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# What else shows nothing (Unicode's Default_Ignorable_Code_Point): the grapheme joiner, fillers,
# variation selectors but for those of text and emoji, and what is kept for more of them.
_INVISIBLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x2065, 0x3164, 0xFFA0}
_INVISIBLE |= {*range(0x180B, 0x180E), *range(0xFE00, 0xFE0E), *range(0xFFF0, 0xFFF9)}
_INVISIBLE |= {*range(0xE0000, 0xE1000)}
# And the two that are no characters by XML, whose readers refuse a figure for them.
_INVISIBLE |= {0xFFFE, 0xFFFF}


class Line(NamedTuple):
    """One line of a game as people read it.

    Attributes:
        label: what stands before the text; what is folded stands under the text.
        text: printable, see `printable`.
        speaker: "adversary" or "defender", whose message it is; "" for the environment's own words.
    """

    label: str
    text: str
    speaker: str = ""

    def __str__(self) -> str:
        return self.label + self.text


class Screen:
    """What a game shows in its render mode; remembers what it has printed already."""

    def __init__(self) -> None:
        self._printed = 0

    def clear(self) -> None:
        """A new game begins."""
        self._printed = 0

    def show(self, lines: Sequence[Line], render_mode: str | None) -> str | None:
        """The lines as a text in mode "ansi"; in mode "human", those that are new are printed.

        Args:
            lines: of the game so far; they only ever grow.
            render_mode: None shows nothing.
        """
        if render_mode == "ansi":
            return as_text(lines)
        if render_mode == "human":
            for line in lines[self._printed :]:
                write_line(line.label, line.text, _COLOURS[line.speaker])
            self._printed = len(lines)
        return None


def message_line(speaker: str, message: str) -> Line:
    """The line of a message, whatever is in it."""
    return Line(f"  {speaker + ':':<10} ", printable(message), speaker)


def as_text(lines: Sequence[Line]) -> str:
    """The lines as one text."""
    return "\n".join(map(str, lines))


def check_render_mode(render_mode: str | None) -> None:
    """Refuses a mode that there is not.

    Raises:
        ConfigurationError: it is neither None nor one of RENDER_MODES.
    """
    is_one = isinstance(render_mode, str) and render_mode in RENDER_MODES
    if render_mode is not None and not is_one:
        raise ConfigurationError(
            f"render_mode={brief(render_mode)} must be None or one of {', '.join(RENDER_MODES)}"
        )


def printable(text: str) -> str:
    """The text with what moves a cursor, or cannot be seen, written as an escape."""
    return "".join(
        character.encode("unicode_escape").decode() if _is_hidden(character) else character
        for character in text
    )


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or ord(character) in _INVISIBLE

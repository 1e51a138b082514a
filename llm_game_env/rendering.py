"""How a game shows itself: the render modes, a printed line, and what is safe to print."""

import unicodedata

from llm_game_env.errors import ConfigurationError

RENDER_MODES = ("human", "ansi")


def check_render_mode(render_mode: str | None) -> None:
    """Refuses a mode that there is not.

    Raises:
        ConfigurationError: it is neither None nor one of RENDER_MODES.
    """
    if render_mode not in (None, *RENDER_MODES):
        raise ConfigurationError(
            f"render_mode={render_mode!r} must be None or one of {', '.join(RENDER_MODES)}"
        )


def shown(text: str, render_mode: str | None) -> str | None:
    """What `render` returns: the text in mode "ansi"; in mode "human" it is printed."""
    if render_mode == "human":
        print(text)  # noqa: T201 - what this mode is for
    return text if render_mode == "ansi" else None


def printable(text: str) -> str:
    """The text with control and format characters escaped: it can move no cursor."""
    hidden = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return "".join(
        character.encode("unicode_escape").decode() if category in hidden else character
        for character, category in ((c, unicodedata.category(c)) for c in text)
    )

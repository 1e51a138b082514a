"""How a game shows itself: the render modes, and a printed line."""

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

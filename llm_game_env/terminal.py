"""One line to standard output, in colour where that is a terminal."""

import sys


def write_line(label: str, text: str, colour: str = "") -> None:
    """Prints a label and a text that belongs to it.

    On a terminal a long text is folded under itself, so that nothing of it can stand where a label
    does. Colours are those of rich: none where NO_COLOR is set or the terminal has none. What the
    stream cannot encode is written as an escape.

    Args:
        label: what the line begins with.
        text: without control characters, see `llm_game_env.rendering.printable`.
        colour: of both, by rich's name; "" for the terminal's own.
    """
    stream = sys.stdout
    if stream is None:  # a program without a console
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    label, text = (
        part.encode(encoding, "backslashreplace").decode(encoding) for part in (label, text)
    )
    if not stream.isatty():
        print(label + text)  # noqa: T201 - what this module is for
        return
    # Imported here: few programs print games, and rich takes its time.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    row = Table.grid()
    row.add_column(no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(Text(label, style=colour), Text(text, style=colour))
    Console().print(row)

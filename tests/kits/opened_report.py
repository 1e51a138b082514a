"""A report as Chromium opens it, with all that should not happen there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

Scheme = Literal["light", "dark"]


class OpenedReport:
    """A page and what it has done.

    Attributes:
        page: playwright's.
        mishaps: errors, dialogs, refused scripts, and requests for anything but the page itself.
    """

    def __init__(self, page: Any, path: Path) -> None:
        self.page = page
        self.mishaps: list[str] = []
        address = path.resolve().as_uri()
        page.on("console", lambda message: self.mishaps.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.mishaps.append(f"error: {error}"))
        page.on("popup", lambda popup: self.mishaps.append(f"popup: {popup.url}"))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self._requested(request.url, address))
        page.goto(address)

    @property
    def found(self) -> int:
        """How many exchanges there are by the filters."""
        self.page.wait_for_timeout(150)  # The filters wait for a pause in typing.
        return int(self.page.inner_text("#found").split()[0].replace(",", ""))

    def texts(self, speaker: str) -> list[str]:
        """What the player's messages on the page at hand say, as `textContent`."""
        script = "(all) => all.map((one) => one.textContent)"
        return self.page.eval_on_selector_all(f"#list .message.{speaker} > .words", script)

    def _dismiss(self, dialog: Any) -> None:
        self.mishaps.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, url: str, address: str) -> None:
        if url.split("#")[0] != address:
            self.mishaps.append(f"request: {url}")


@contextmanager
def opened(
    browser: Any, path: Path, *, width: int = 1280, scheme: Scheme = "light"
) -> Iterator[OpenedReport]:
    """Opens a report in a window of its own, without a network."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    yield OpenedReport(context.new_page(), path)
    context.close()

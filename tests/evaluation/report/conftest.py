"""Chromium, for the tests that open the page."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, without a window; tests are skipped where there is none."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium on this machine to open the report in; `make browser` installs it")
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright drives Chromium; pip install -e '.[test]'"
    )
    with sync_api.sync_playwright() as playwright:
        # Root has no sandbox, and needs none for pages that these tests have written.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()

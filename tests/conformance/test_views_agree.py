"""Every view of a game shows the same game, whatever is played; see `conformance_kit.machine`."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from conformance_kit.draws import GAMES
from conformance_kit.machine import machine
from conformance_kit.profile import LONG, QUICK


@pytest.mark.parametrize("name", GAMES)
def test_views_agree(name: str) -> None:
    run_state_machine_as_test(machine(name), settings=QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMES)
def test_views_agree_at_length(name: str) -> None:
    run_state_machine_as_test(machine(name), settings=LONG)

"""What the tests of the pages share: games to do wrong to, and how a refusal is checked."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from llm_game_env import errors, red_team_v0
from llm_game_env.players import EchoPlayer
from llm_game_env.rewards import Exchange, FunctionReward

EXCEPTIONS = vars(errors) | {"TypeError": TypeError, "ValueError": ValueError}
EXCEPTIONS |= {"AssertionError": AssertionError}


def halves(exchanges: Sequence[Exchange]) -> list[float]:
    return [0.5] * len(exchanges)


@pytest.fixture
def own() -> dict[str, Any]:
    """A game that needs no model."""
    reward_model = FunctionReward(halves)
    return {"seed_prompts": ["s0", "s1"], "reward_model": reward_model, "max_chars": 5}


@pytest.fixture
def views(own: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """Makes each view of that game; the batched ones hold two."""
    seat = own | {"agent": "adversary_0", "opponent": EchoPlayer()}
    return {
        "aec": lambda **a: red_team_v0.raw_env(**own | a),
        "parallel": lambda **a: red_team_v0.parallel_env(**own | a),
        "vector": lambda **a: red_team_v0.vector_env(2, **own | a),
        "single": lambda **a: red_team_v0.single_agent_env(**seat | a),
        "single vector": lambda **a: red_team_v0.single_agent_vector_env(2, **seat | a),
    }


@pytest.fixture
def rows() -> Callable[[Any], dict[str, str]]:
    """Of a module's page: what is wrong -> the name of the exception."""

    def read(module: Any) -> dict[str, str]:
        table = module.__doc__.split("| what is wrong | exception |\n|---|---|\n")[1]
        return dict(re.findall(r"^\| (.*) \| `(\w+)` \|$", table, re.MULTILINE))

    return read


@pytest.fixture
def refused(rows: Callable[[Any], dict[str, str]]) -> Callable[..., None]:
    """`refused(module, row, words, act)`: `act` raises what the page says, and says `words`."""

    def check(module: Any, row: str, words: str, act: Callable[[], Any]) -> None:
        wanted = EXCEPTIONS[rows(module)[row]]
        with pytest.raises(wanted, match=words) as caught:
            act()
        assert type(caught.value) is wanted

    return check

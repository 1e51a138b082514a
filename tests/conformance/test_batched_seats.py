"""The batched single-agent view with illegal moves in between, in every mode of autoreset.

That it does what Gymnasium's own batching does with legal ones, tests/single_agent says.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance_kit.contract import AGENTS
from conformance_kit.draws import GAMES, illegal_actions, legal_actions
from conformance_kit.games import AnyGame
from conformance_kit.profile import QUICK
from conformance_kit.sameness import row_of, same
from llm_game_env.errors import IllegalAction
from llm_game_env.players import ScriptedPlayer

NUM_ROWS = 3
NO_BATCHES: list[Any] = [None, 0, [], ["no"] * (NUM_ROWS + 1), "no!", {}]


def make(game: AnyGame, agent: str, mode: str) -> Any:
    # An opponent that draws: a refused step must leave its generator alone too.
    opponent = ScriptedPlayer(["red", "key", "no door"])
    arguments = game.arguments | {"agent": agent, "opponent": opponent, "autoreset_mode": mode}
    return game.module.single_agent_vector_env(NUM_ROWS, **arguments)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize("name", [name for name in GAMES if name != "matrix"])
@settings(QUICK, max_examples=12)
@given(data=st.data(), agent=st.sampled_from(AGENTS))
def test_illegal_moves_leave_no_trace(
    name: str, mode: str, data: st.DataObject, agent: str
) -> None:
    """Two batches play the same moves, one of them is sent illegal ones as well."""
    game = data.draw(GAMES[name], label="game")
    tried, spared = make(game, agent, mode), make(game, agent, mode)
    told = tried.reset(seed=1)
    assert same(told, spared.reset(seed=1))
    over = np.zeros(NUM_ROWS, dtype=bool)
    for _ in range(10):
        if mode == "Disabled" and over.any():
            _refuse(tried, np.flatnonzero(over).tolist(), ["no"] * NUM_ROWS)
            told = tried.reset(options={"reset_mask": over})
            assert same(told, spared.reset(options={"reset_mask": over}))
            over[:] = False
        legal, illegal = [], {}
        for row in range(NUM_ROWS):
            seen = row_of(told[0], row)
            space = tried.single_action_space
            legal.append(data.draw(legal_actions(game, space, seen)))
            illegal[row] = data.draw(illegal_actions(game, space, seen))
        playing = np.flatnonzero(~over).tolist()
        for batch in NO_BATCHES:
            _refuse(tried, list(range(NUM_ROWS)), batch)
        if playing:
            bad = data.draw(st.lists(st.sampled_from(playing), min_size=1, unique=True))
            batch = [illegal[row] if row in bad else legal[row] for row in range(NUM_ROWS)]
            _refuse(tried, sorted(bad), batch)
        # A game that is over starts anew here, whatever is sent.
        sent = [object() if over[row] else legal[row] for row in range(NUM_ROWS)]
        observations, *others = tried.step(sent)
        assert observations in tried.observation_space
        assert same((observations, *others), spared.step(legal))
        told = observations, others[-1]
        over = others[1] & (mode != "SameStep")
    for row in range(NUM_ROWS):
        assert tried.transcript(row) == spared.transcript(row)


def _refuse(env: Any, rows: list[int], batch: Any) -> None:
    with pytest.raises(IllegalAction) as caught:
        env.step(batch)
    assert list(caught.value.rows) == rows

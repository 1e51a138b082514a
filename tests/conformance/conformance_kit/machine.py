"""Plays legal and illegal moves in one game through every view at once."""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from conformance_kit.contract import AGENTS, Start
from conformance_kit.draws import GAMES, illegal_actions, legal_actions
from conformance_kit.reference import Reference
from conformance_kit.seats import EnvSeat, SeatRows, VectorSeat
from conformance_kit.views import ParallelRows, VectorRows, View


class Machine(RuleBasedStateMachine):
    """N rows of one game; every step is taken by the reference first, then by the other views."""

    games: ClassVar[Any]

    @initialize(data=st.data(), num_rows=st.integers(1, 3))
    def make(self, data: st.DataObject, num_rows: int) -> None:
        game = data.draw(self.games, label="game")
        self.reference = Reference(game, num_rows)
        self.views: list[View] = [ParallelRows(self.reference)]
        if hasattr(game.module, "vector_env"):
            self.views.append(VectorRows(self.reference))
        if hasattr(game.module, "single_agent_env"):
            for agent in AGENTS:
                self.views += [
                    SeatRows(self.reference, agent, api) for api in (EnvSeat, VectorSeat)
                ]
        self._reset(Start(seeds=tuple(range(num_rows))))

    @rule(data=st.data())
    @precondition(lambda self: self.reference.playing)
    def one_action(self, data: st.DataObject) -> None:
        self._step(self._draw(data, legal_actions, self.reference.writing))

    @rule(data=st.data())
    @precondition(lambda self: self.reference.playing)
    def all_to_the_end(self, data: st.DataObject) -> None:
        while self.reference.playing:
            self._step(self._draw(data, legal_actions, self.reference.writing))

    @rule(data=st.data())
    @precondition(lambda self: self.reference.playing)
    def illegal(self, data: st.DataObject) -> None:
        writing = self.reference.writing
        subsets = st.lists(st.sampled_from(writing), min_size=1, unique=True)
        bad = data.draw(subsets, label="bad rows")
        actions = self._draw(data, legal_actions, writing)
        actions |= self._draw(data, illegal_actions, bad)
        for each in (self.reference, *self.views):
            each.refuse(actions, bad)

    @rule()
    @precondition(lambda self: not self.reference.playing)
    def what_comes_after(self) -> None:
        for each in (self.reference, *self.views):
            each.bury()

    @rule(data=st.data(), seed=st.integers(0, 2**40), step=st.integers(0, 2), frozen=st.booleans())
    def seeded_reset(self, data: st.DataObject, seed: int, step: int, frozen: bool) -> None:
        seeds = tuple(seed + step * row for row in self.reference.rows)
        self._reset(Start(seeds, data.draw(self._ids()), frozen))

    @rule(data=st.data(), frozen=st.booleans(), reload=st.booleans())
    def reset(self, data: st.DataObject, frozen: bool, reload: bool) -> None:
        for each in (self.reference, *self.views):
            if reload:
                each.reload()
        self._reset(Start(None, data.draw(self._ids()), frozen))

    @rule()
    def pickle(self) -> None:
        for each in (self.reference, *self.views):
            each.pickle()

    @invariant()
    def views_agree(self) -> None:
        self.reference.check()
        for view in self.views:
            view.check()

    def _step(self, actions: dict[int, Any]) -> None:
        for each in (self.reference, *self.views):
            each.step(actions)
        self.views_agree()

    def _reset(self, start: Start) -> None:
        for each in (self.reference, *self.views):
            each.reset(start)

    def _draw(self, data: st.DataObject, kind: Any, rows: list[int]) -> dict[int, Any]:
        actions = {}
        for row in rows:
            env = self.reference.envs[row]
            space, seen = env.action_space(env.agent_selection), env.observe(env.agent_selection)
            actions[row] = data.draw(kind(self.reference.game, space, seen), label=f"row {row}")
        return actions

    def _ids(self) -> st.SearchStrategy[tuple[str, ...] | None]:
        """Seed prompts that are asked for; mostly none."""
        if not self.reference.game.has_texts:
            return st.none()
        ids = st.sampled_from([seed.id for seed in self.reference.game.seeds])
        some = st.lists(ids, min_size=1, max_size=len(self.reference.rows)).map(tuple)
        return st.none() | some


def machine(name: str) -> type[Machine]:
    """The machine that plays one of `GAMES`."""
    return type("Machine", (Machine,), {"games": GAMES[name]})

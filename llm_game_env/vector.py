"""The vector view: N text games behind the step API of `llm_game_env.lockstep`.

Row i after `reset(seed=s)` is the game that the AEC view plays after `reset(seed=s + i)`. In the
tokens format, a game whose message is complete waits for the other games' messages, and its
actions are ignored meanwhile.

`last()` shows what the acting agent sees of its games: N dicts `{"messages", "turn", "to_move"}`
(text), or stacked arrays "observation" int64 [N, L], "action_mask" int8 [N, V] and "to_move" int64
[N] (tokens). The infos are the parts of the last step's score, `seed_prompt_index` and `harmful`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llm_game_env.checks import check_one_each, check_whole
from llm_game_env.diversity import Diversity
from llm_game_env.formats import TokenSettings, make_format
from llm_game_env.game import Game, Scored
from llm_game_env.infos import as_table, part_table, seed_columns
from llm_game_env.lockstep import LockStepGames, VectorStep
from llm_game_env.options import read_options, row_seeds
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import AGENTS, Rules, agent_index


class VectorGame(LockStepGames):
    """N games under the same rules, stepped together; see the module's docstring.

    Args:
        rules: see `llm_game_env.rules.make_rules`.
        num_envs: N.
        diversity: copied; one history is shared by all rows.
        tokens: settings of the tokens format; None for the text format.

    Raises:
        ConfigurationError: `num_envs` or `diversity` cannot be used.
    """

    def __init__(
        self,
        rules: Rules,
        num_envs: int,
        diversity: Diversity | None = None,
        tokens: TokenSettings | None = None,
    ) -> None:
        num_envs = check_whole("num_envs", num_envs)
        self.game = Game(rules, num_envs, diversity)
        self.format = make_format(self.game, tokens)
        super().__init__(num_envs, self.format.observation_spaces, self.format.action_spaces)
        # Messages that are complete, kept until those of the other rows are.
        self._messages: dict[int, str] = {}
        self._parts = np.zeros((num_envs, len(self.game.part_names)))
        self._seed_infos: dict[str, np.ndarray] = seed_columns(self.game)

    def reset(
        self,
        seed: int | Sequence[int] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Starts N games.

        Args:
            seed: row i is seeded with `seed + i`, or with the i-th of a list; this empties the
                history. None goes on with the rows' generators and keeps the history.
            options: `seed_prompt_ids` plays given seed prompts (fewer than N leave the other rows
                inactive), `freeze_history` scores without adding. Unknown keys are ignored.

        Raises:
            ConfigurationError: a known option or the seed cannot be used; nothing has changed.
        """
        chosen = read_options(options, self.game.rules.seeds, self.num_envs)
        if seed is not None:
            self.game.seed_rows(row_seeds(seed, self.num_envs))
        self.game.freeze_history = chosen.freeze_history
        indices = chosen.seed_indices
        num_playing = self.num_envs if indices is None else len(indices)
        self.game.reset_rows(range(num_playing), indices)
        self.game.retire_rows(range(num_playing, self.num_envs))
        self.format.begin(range(self.num_envs))
        self._messages = {}
        self._parts[:] = 0.0
        self._begin(np.arange(self.num_envs) < num_playing)
        self._seed_infos = seed_columns(self.game)

    def last(self) -> VectorStep:
        """What the acting agent sees, and what it earned since it last acted."""
        agent = AGENTS.index(self.agent_selection)
        return VectorStep(
            observations=self.format.observe_all(agent, self._waiting()),
            rewards=self._pending[:, agent].copy(),
            terminations=~self._active,
            truncations=np.zeros(self.num_envs, dtype=bool),
            infos=self.infos(),
        )

    def step(self, actions: Sequence[Any] | np.ndarray | None) -> None:
        """The acting agent's action in every game; None once all games have ended.

        Args:
            actions: N messages or tokens. Where a game has ended, or its message is complete and
                waits for those of the others, the action is ignored.

        Raises:
            IllegalAction: an action is not in the space, or masked; no game has changed.
            RewardError: the reward model failed; no game has changed.
            BudgetSpent: fewer turns are left than would be played; no game has changed.
        """
        agent = AGENTS.index(self.agent_selection)
        if not self._active.any():
            self._step_ended(actions)
            return
        scored = self._write(check_one_each(actions, self.num_envs))
        rewards = np.zeros((self.num_envs, len(AGENTS)))
        self._parts[:] = 0.0
        if scored:
            rows, parts, paid, ended = zip(*scored, strict=True)
            done = np.array(rows)
            rewards[done] = as_table(paid)
            self._parts[done] = part_table(parts)
            self._active[done] = ~np.array(ended)
        self._credit(rewards)
        if scored is not None:
            self.agent_selection = AGENTS[1 - agent] if self._active.any() else AGENTS[0]

    def observe(self, row: int, agent: str) -> dict[str, Any]:
        """What one agent sees of one game, whoever is to move."""
        waiting = row in self._messages
        return self.format.observe(row, agent_index(agent), waiting=waiting)

    def infos(self) -> dict[str, np.ndarray]:
        """Numbers about the last step, float64 [N] each; see `VectorStep`."""
        infos = {name: self._parts[:, i].copy() for i, name in enumerate(self.game.part_names)}
        return infos | {name: column.copy() for name, column in self._seed_infos.items()}

    def exchanges(self, row: int) -> tuple[Exchange, ...]:
        """The exchanges of one row's game so far."""
        return self.game.exchanges(row)

    def transcript(self, row: int) -> str:
        """One row's game as text."""
        return self.game.transcript(row)

    def state_dict(self) -> dict[str, Any]:
        """Generators and diversity history, to be taken between games."""
        return self.game.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`; call `reset()` next."""
        self.game.load_state_dict(state)
        self._active[:] = False
        self.agents = []

    def _write(self, actions: Sequence[Any] | np.ndarray) -> list[Scored] | None:
        """Takes up the actions, and plays the messages once all are complete; None until then."""
        playing = np.flatnonzero(self._active).tolist()
        writing = [row for row in playing if row not in self._messages]
        texts = self.format.messages(writing, [actions[row] for row in writing])
        completed = {
            row: text for row, text in zip(writing, texts, strict=True) if text is not None
        }
        messages = self._messages | completed
        if len(messages) < len(playing):
            going_on = [row for row in writing if row not in completed]
            self.format.extend(going_on, [actions[row] for row in going_on])
            self._messages = messages
            return None
        scored = self.game.play(playing, [messages[row] for row in playing])
        self.format.begin(playing)
        self._messages = {}
        return scored

    def _waiting(self) -> np.ndarray:
        waiting = np.zeros(self.num_envs, dtype=bool)
        waiting[list(self._messages)] = True
        return waiting

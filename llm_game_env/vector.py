"""The vector view: N games in lock-step behind an AEC-shaped step API.

    env.reset(seed=0)
    while env.agents:
        observations, rewards, terminations, truncations, infos = env.last()
        env.step(actions_for(env.agent_selection, observations))

Row i after `reset(seed=s)` is the game that the AEC view plays after `reset(seed=s + i)`. A game
that ends early becomes inactive: its actions are ignored and its last reward is reported once.
There is no autoreset. In the tokens format, a game whose message is complete waits for the other
games' messages, and its actions are ignored meanwhile. When all games have ended, each agent is
selected once more, so that its last reward is seen, and is then stepped with None, as PettingZoo
does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space

from llm_game_env.batches import check_batch
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.formats import TokenSettings, make_format
from llm_game_env.game import Game, Scored
from llm_game_env.infos import PART_NAMES, seed_infos
from llm_game_env.options import read_options, row_seeds
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import AGENTS, Rules


class VectorStep(NamedTuple):
    """What `last()` returns.

    Attributes:
        observations: as the acting agent sees its games: N dicts `{"messages", "turn", "to_move"}`
            (text), or stacked arrays "observation" int64 [N, L], "action_mask" int8 [N, V] and
            "to_move" int64 [N] (tokens).
        rewards: float64 [N], the acting agent's since it last acted.
        terminations: bool [N], games that have ended.
        truncations: bool [N], all False.
        infos: float64 arrays [N]: the parts of the last step's score, `seed_prompt_index`,
            `harmful`; 0 where nothing was scored.
    """

    observations: Any
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray
    infos: dict[str, np.ndarray]


class VectorGame:
    """N games under the same rules, stepped together; see the module's docstring.

    Args:
        rules: see `llm_game_env.rules.make_rules`.
        num_envs: N.
        diversity: copied; one history is shared by all rows.
        tokens: settings of the tokens format; None for the text format.

    Attributes:
        step_rewards: float64 [N, 2], what the last step paid either agent.
    """

    def __init__(
        self,
        rules: Rules,
        num_envs: int,
        diversity: Diversity | None = None,
        tokens: TokenSettings | None = None,
    ) -> None:
        if not isinstance(num_envs, int) or isinstance(num_envs, bool) or num_envs < 1:
            raise ConfigurationError(f"num_envs={num_envs!r} must be a whole number of at least 1")
        self.num_envs = num_envs
        self.possible_agents = list(AGENTS)
        self.agents: list[str] = []
        self.agent_selection = AGENTS[0]
        self.game = Game(rules, num_envs, diversity)
        self.format = make_format(self.game, tokens)
        self.observation_spaces = self.format.observation_spaces
        self.action_spaces = self.format.action_spaces
        # Messages that are complete, kept until those of the other rows are.
        self._messages: dict[int, str] = {}
        self.step_rewards = np.zeros((num_envs, len(AGENTS)))
        self._pending = np.zeros((num_envs, len(AGENTS)))
        self._parts = np.zeros((num_envs, len(PART_NAMES)))
        self._active = np.zeros(num_envs, dtype=bool)
        self._seed_infos: dict[str, np.ndarray] = self._read_seeds()

    @property
    def active(self) -> np.ndarray:
        """Games that go on, bool [N]."""
        return self._active.copy()

    def observation_space(self, agent: str) -> Space[Any]:
        """The space of one row's observation, the same object each call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """The space of one row's action, the same object each call."""
        return self.action_spaces[agent]

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
            ConfigurationError: a known option has an unusable value, or the list of seeds has
                not N entries.
        """
        chosen = read_options(options, self.game.rules.seeds, self.num_envs)
        if seed is not None:
            self.game.seed_rows(row_seeds(seed, self.num_envs))
        self.game.freeze_history = chosen.freeze_history
        self.game.retire_rows(range(self.num_envs))
        indices = chosen.seed_indices
        playing = range(self.num_envs if indices is None else len(indices))
        self.game.reset_rows(playing, indices)
        self.format.begin(range(self.num_envs))
        self._messages = {}
        self.agents = list(AGENTS)
        self.agent_selection = AGENTS[0]
        self.step_rewards = np.zeros((self.num_envs, len(AGENTS)))
        self._pending[:] = 0.0
        self._parts[:] = 0.0
        self._active[:] = [self.game.is_active(row) for row in range(self.num_envs)]
        self._seed_infos = self._read_seeds()

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
        """
        agent = AGENTS.index(self.agent_selection)
        if not self._active.any():
            self._step_ended(actions)
            return
        check_batch(actions, self.num_envs)
        scored = self._write(actions)
        self.step_rewards = np.zeros((self.num_envs, len(AGENTS)))
        self._parts[:] = 0.0
        if scored:
            done = [item.row for item in scored]
            self.step_rewards[done] = [item.rewards for item in scored]
            self._parts[done] = [item.parts for item in scored]
            self._active[done] = [not item.ended for item in scored]
        self._pending[:, agent] = 0.0
        self._pending += self.step_rewards
        if scored is not None:
            self.agent_selection = AGENTS[1 - agent] if self._active.any() else AGENTS[0]

    def observe(self, row: int, agent: str) -> dict[str, Any]:
        """What one agent sees of one game, whoever is to move."""
        waiting = row in self._messages
        return self.format.observe(row, AGENTS.index(agent), waiting=waiting)

    def infos(self) -> dict[str, np.ndarray]:
        """Numbers about the last step, float64 [N] each; see `VectorStep`."""
        infos = {name: self._parts[:, i].copy() for i, name in enumerate(PART_NAMES)}
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

    def close(self) -> None:
        """Nothing to release."""

    def _write(self, actions: Any) -> list[Scored] | None:
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

    def _read_seeds(self) -> dict[str, np.ndarray]:
        rows = [seed_infos(self.game, row) for row in range(self.num_envs)]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _step_ended(self, actions: object) -> None:
        if not self.agents:
            raise IllegalAction("all games have ended; call reset() first", rows=())
        if actions is not None:
            raise IllegalAction(
                "all games have ended; step with None until `agents` is empty, or reset()",
                rows=range(self.num_envs),
            )
        self._pending[:, AGENTS.index(self.agent_selection)] = 0.0
        self.agents.remove(self.agent_selection)
        self.agent_selection = self.agents[0] if self.agents else AGENTS[0]

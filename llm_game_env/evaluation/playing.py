"""Playing for evaluation: an adversary against a defender, game by game over the seed prompts.

Random numbers are keyed by (seed, agent, turn), and run on from batch to batch. So a game is the
same whoever else is evaluated, in whatever batches, and players that are compared draw alike.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import NamedTuple

import numpy as np

from llm_game_env.checks import check_seed
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.setting import Setting
from llm_game_env.players.protocol import Player
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import ADVERSARY, AGENTS
from llm_game_env.seeds import Label
from llm_game_env.spaces import Message
from llm_game_env.vector import VectorGame

Draws = Callable[[int, int], np.random.Generator]
"""(ADVERSARY or DEFENDER, turn) -> where that agent's random numbers of that turn come from."""


class Played(NamedTuple):
    """One exchange that was played for evaluation.

    Attributes:
        exchange: what was said, with the seed prompt.
        game: which of the setting's games it belongs to, from 0 on.
        turn: of that game, from 0 on.
        category: of the seed prompt; "" where it has none.
    """

    exchange: Exchange
    game: int
    turn: int
    category: str

    @property
    def seed_id(self) -> str:
        """The id of the seed prompt."""
        return self.exchange.seed.id

    @property
    def label(self) -> Label:
        """The label of the seed prompt."""
        return self.exchange.seed.label


class Seats(NamedTuple):
    """Who plays, and how much they may say.

    Attributes:
        adversary, defender: the players.
        adversary_max_tokens, defender_max_tokens: of one message.
    """

    adversary: Player
    defender: Player
    adversary_max_tokens: int = 32
    defender_max_tokens: int = 20

    def say(self, role: int, chats: Sequence[list[Message]], rng: np.random.Generator) -> list[str]:
        """The next message of ADVERSARY or DEFENDER in each conversation.

        Raises:
            ConfigurationError: the player returns another number of messages.
        """
        player, max_tokens = (
            (self.adversary, self.adversary_max_tokens)
            if role == ADVERSARY
            else (self.defender, self.defender_max_tokens)
        )
        messages = player.reply(chats, rng, max_tokens=max_tokens)
        if len(messages) != len(chats):
            raise ConfigurationError(
                f"{AGENTS[role]}.reply() returned {len(messages)} messages for {len(chats)} "
                "conversations; return one for each"
            )
        return messages


def play(
    adversary: Player,
    defender: Player,
    setting: Setting,
    *,
    seed: int,
    openings: Sequence[str] | None = None,
) -> tuple[Played, ...]:
    """All exchanges of all games of a setting, game by game; arguments as in `play_batches`."""
    batches = play_batches(adversary, defender, setting, seed=seed, openings=openings)
    return tuple(chain.from_iterable(batches))


def play_batches(
    adversary: Player,
    defender: Player,
    setting: Setting,
    *,
    seed: int,
    openings: Sequence[str] | None = None,
) -> Iterator[tuple[Played, ...]]:
    """The same, a batch of games at a time, for whoever shows or keeps what is done so far.

    Args:
        adversary, defender: any players.
        setting: the games.
        seed: of all random numbers.
        openings: the first prompt of every game, where it has been written by `write_openings`
            already; None lets the adversary write it.

    Raises:
        ConfigurationError: the seed is no whole number, or the openings are not one a game.
    """
    check_seed("seed", seed)
    if openings is not None and len(openings) != setting.num_games:
        raise ConfigurationError(
            f"{len(openings)} openings for {setting.num_games} games; give one each, as "
            "write_openings does"
        )
    seats = Seats(adversary, defender, setting.adversary_max_tokens, setting.defender_max_tokens)
    draws = _keyed(seed)
    env = VectorGame(setting.rules, min(setting.batch_size, setting.num_games))
    for games in _batches(setting):
        _begin(env, setting, games)
        known = None if openings is None else openings[games.start : games.stop]
        play_out(env, seats, draws, known)
        yield tuple(
            Played(exchange, game, turn, setting.categories.get(exchange.seed.id, ""))
            for row, game in enumerate(games)
            for turn, exchange in enumerate(env.exchanges(row))
        )


def write_openings(adversary: Player, setting: Setting, *, seed: int) -> tuple[str, ...]:
    """The first prompt of every game, which sees nothing of the defender.

    They are those that `play` with the same seed would have the adversary write, so that several
    defenders can be asked the same ones.
    """
    check_seed("seed", seed)
    rng = _keyed(seed)(ADVERSARY, 0)
    env = VectorGame(setting.rules, min(setting.batch_size, setting.num_games))
    written: list[str] = []
    for games in _batches(setting):
        _begin(env, setting, games)
        observations = env.last().observations
        chats = [observations[row]["messages"] for row in range(len(games))]
        written += adversary.reply(chats, rng, max_tokens=setting.adversary_max_tokens)
    return tuple(written)


def play_out(
    env: VectorGame, seats: Seats, draws: Draws, openings: Sequence[str] | None = None
) -> None:
    """Plays games of the text format, which were just reset, to their end.

    Args:
        env: its active rows play; its `exchanges(row)` then say how.
        seats: who plays.
        draws: where random numbers come from.
        openings: the adversary's first message in each active row; None lets it write them.
    """
    moves = 0
    while env.active.any():
        role, turn = AGENTS.index(env.agent_selection), moves // 2
        rows = np.flatnonzero(env.active).tolist()
        if moves == 0 and openings is not None:
            messages = list(openings)
        else:
            observations = env.last().observations
            chats = [observations[row]["messages"] for row in rows]
            messages = seats.say(role, chats, draws(role, turn))
        actions = [""] * env.num_envs
        for row, message in zip(rows, messages, strict=True):
            actions[row] = message
        env.step(actions)
        moves += 1


def _keyed(seed: int) -> Draws:
    return cache(lambda role, turn: np.random.default_rng([seed, role, turn]))


def _batches(setting: Setting) -> Iterator[range]:
    for start in range(0, setting.num_games, setting.batch_size):
        yield range(start, min(start + setting.batch_size, setting.num_games))


def _begin(env: VectorGame, setting: Setting, games: range) -> None:
    # The seed prompts are given, so the rows' own generators draw nothing.
    env.reset(seed=0, options={"seed_prompt_ids": [setting.seed_of(game).id for game in games]})

"""The table at which a person plays: shows what is said, asks, tells the verdict."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from llm_game_env.aec import GameEnv
from llm_game_env.cli.verdict_lines import VerdictLines
from llm_game_env.errors import IllegalAction, TrainingError
from llm_game_env.players import Player
from llm_game_env.rendering import printable
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER
from llm_game_env.scoring import RewardParts
from llm_game_env.spaces import Message
from llm_game_env.terminal import write_line

HELP = "?"
NAMES = ("adversary", "defender")
COLOURS = ("red", "cyan")


class Opponent(NamedTuple):
    """Whom the person meets.

    Attributes:
        player: writes the other side's messages.
        rng: that it draws from.
        max_tokens: of one of its messages.
    """

    player: Player
    rng: np.random.Generator
    max_tokens: int


class Table:
    """Plays games between a person and an opponent, one after the other.

    Unlike `HumanPlayer`, which is handed whole conversations, it shows only what is new.

    Args:
        env: the AEC view in the text format.
        side: ADVERSARY or DEFENDER, whom the person plays.
        opponent: plays the other.
        lines: says the verdicts, and what may be said.
        transcript: every game is added to this file when it ends; None for no file.
    """

    def __init__(
        self,
        env: GameEnv,
        side: int,
        opponent: Opponent,
        lines: VerdictLines,
        transcript: Path | None = None,
    ) -> None:
        self._env, self._side, self._opponent = env, side, opponent
        self._lines, self._transcript = lines, transcript
        self._scores: list[float] = []

    def play(self, games: int | None, seed: int) -> None:
        """Plays until the games are over, the input ends or Ctrl-C; then says the mean score.

        Args:
            games: how many; None for as many as the person likes.
            seed: of the environment, 0 or more.
        """
        with suppress(EOFError, KeyboardInterrupt):
            for hint in self._lines.help(self._side) and [f"type {HELP} for what may be said"]:
                write_line("", hint, "dim")
            number = 0
            while games is None or number < games:
                number += 1
                write_line("", f"game {number}", "bold")
                self._env.reset(seed=seed if number == 1 else None)
                try:
                    self._play_game()
                finally:
                    self._keep(number)
        self._say_goodbye()

    def _play_game(self) -> None:
        env, shown = self._env, 0
        while not env.terminations[env.agent_selection]:
            mover = AGENTS.index(env.agent_selection)
            messages = env.observe(AGENTS[mover])["messages"]
            if mover == self._side:
                # An adversary has seen the answers with their verdicts, see `_tell`.
                if self._side == DEFENDER or not shown:
                    for message in messages[shown:]:
                        self._show(message)
                shown = len(messages) + 1  # What the person says next is on the screen already.
                self._take_message()
            else:
                (reply,) = self._opponent.player.reply(
                    [messages], self._opponent.rng, max_tokens=self._opponent.max_tokens
                )
                # Tokens are its limit; the game's is in characters.
                env.step(reply[: env.action_space(AGENTS[mover]).max_chars])
            if mover == DEFENDER:
                self._tell()

    def _show(self, message: Message) -> None:
        """One message that the person has not seen."""
        if message["role"] == "system":
            write_line("  system: ", printable(message["content"]), "dim")
        elif self._side == ADVERSARY:
            write_line("  your task: ", printable(message["content"]))
        else:
            write_line("  adversary: ", printable(message["content"]), COLOURS[ADVERSARY])

    def _take_message(self) -> None:
        """The person's next message; asks again until it is legal."""
        while True:
            text = input(f"  you ({NAMES[self._side]}): ")
            hints = self._lines.help(self._side) if text.strip() == HELP else ()
            for hint in hints:
                write_line("    ", hint, "dim")
            if hints:
                continue
            try:
                self._env.step(text)
            except IllegalAction as error:
                write_line("    ", printable(str(error)), "yellow")
            else:
                return

    def _tell(self) -> None:
        """What the exchange came to, with what the person did not see of it."""
        exchange, over = self._env.exchanges[-1], self._env.terminations[AGENTS[DEFENDER]]
        infos = self._env.infos[AGENTS[DEFENDER]]
        parts = RewardParts(score=infos["score"], valid=infos["valid"], intent=infos["intent"])
        if self._side == ADVERSARY:
            write_line("  defender: ", printable(exchange.response), COLOURS[DEFENDER])
        elif over:
            write_line("  the adversary was given: ", printable(exchange.seed.text), "dim")
        self._scores.append(parts.score)
        write_line("  verdict: ", printable(self._lines.verdict(exchange, parts)), "bold")

    def _keep(self, number: int) -> None:
        if self._transcript is None or not self._env.exchanges:
            return
        try:
            with self._transcript.open("a", encoding="utf-8") as file:
                file.write(f"game {number}\n{self._env.transcript()}\n\n")
        except OSError as error:
            raise TrainingError(
                f"{str(self._transcript)!r} cannot be written ({error}); free some space, or give "
                "another file as --transcript"
            ) from error

    def _say_goodbye(self) -> None:
        write_line("", "")
        if self._scores:
            count, mean = len(self._scores), np.mean(self._scores)
            write_line("", f"{count} exchanges, mean score of the defender {mean:.2f}", "bold")

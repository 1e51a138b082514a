"""Handing messages to a batch of games, whole or token by token, as its action format wants."""

from collections.abc import Sequence
from typing import Any

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError
from llm_game_env.formats import TokenFormat
from llm_game_env.formats.vocabulary import END, Reserved
from llm_game_env.players.causal_lm import Completion
from llm_game_env.spaces import Message, Utterance
from llm_game_env.vector import VectorGame


def conversations(
    env: VectorGame, agent: str, observations: Any, rows: Sequence[int]
) -> list[list[Message]]:
    """The dialogues that the acting agent is to go on with, a list of messages each.

    Args:
        env: anything with the step API of `vector_env`, of either format.
        agent: who acts.
        observations: of `env.last()`.
        rows: the games that are wanted.
    """
    if _tokens(env, agent) is not None:
        # Language models read the messages that the ids spell, in their own templates.
        index = env.possible_agents.index(agent)
        return [env.game.conversation(row, index) for row in rows]
    return [observations[row]["messages"] for row in rows]


def hand_over(env: VectorGame, agent: str, messages: Sequence[Completion | str | None]) -> None:
    """Plays one message of the acting agent in every game; what is too long is cut to `max_chars`.

    In the tokens format a message is played by the tokens that were sampled where these spell it in
    the environment's vocabulary, else by those that its text is spelt with. So the games go as in
    the text format, and nothing is trained on that was tokenised again.

    Args:
        env: anything with the step API of `vector_env`, of either format.
        agent: who acts.
        messages: N; None where a game has ended.

    Raises:
        ConfigurationError: the tokens format cannot say a message; the game at hand stays as it is.
        IllegalAction: a restrictive action mask forbids it.
    """
    if (form := _tokens(env, agent)) is not None:
        spelt = [_spelt(form, agent, one) for one in messages]
        longest = max(len(one) for one in spelt)
        for position in range(longest):
            # Where a message is complete, the game waits for the others and ignores the action.
            env.step([one[position] if position < len(one) else END for one in spelt])
        return
    limit = env.action_space(agent).max_chars
    env.step([one if one is None else _text(one)[:limit] for one in messages])


def _tokens(env: VectorGame, agent: str) -> TokenFormat | None:
    """The tokens format of an environment; None where actions are texts."""
    if isinstance(env.action_space(agent), Utterance):
        return None
    if not isinstance(env.format, TokenFormat):
        raise ConfigurationError(
            f"env={brief(env)} takes neither messages nor tokens; give a vector_env of red_team_v0 "
            "or jailbreak_v0"
        )
    return env.format


def _spelt(form: TokenFormat, agent: str, message: Completion | str | None) -> list[int]:
    """The actions that say a message."""
    if message is None:
        return []
    settings, text = form.settings, _text(message)
    vocabulary = settings.vocabulary
    unknown = vocabulary.reserved(Reserved.UNKNOWN)
    actions = []
    if isinstance(message, Completion):
        # Special tokens, end-of-sequence among them, are no part of the text.
        actions = [one for one in vocabulary.actions(message.ids) if one != unknown]
    if vocabulary.decode(actions) != text:
        actions = vocabulary.encode(text)
    if unknown in actions or len(actions) > settings.max_tokens:
        problem = "has tokens that are no actions"
        if unknown not in actions:
            problem = f"takes {len(actions)} tokens of at most {settings.max_tokens}"
        raise ConfigurationError(
            f"tokenizer: a message of {agent}, {brief(text)}, {problem}; give the environment the "
            "player's own tokenizer, no restricted vocabulary, and max_tokens no smaller than the "
            "player's"
        )
    # The last token that a message may have ends it by itself.
    return actions if len(actions) == settings.max_tokens else [*actions, END]


def _text(message: Completion | str) -> str:
    return message.text if isinstance(message, Completion) else message

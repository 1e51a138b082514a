"""Playing a batch of games through the environment's public step API."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from llm_game_agents.draws import sampling_uniforms
from llm_game_agents.either_format import conversations, hand_over
from llm_game_agents.opponents import Lineup
from llm_game_agents.processes import ALONE, Processes
from llm_game_agents.speaking import speak
from llm_game_agents.trajectory import Decision
from llm_game_env.players.causal_lm import Completion
from llm_game_env.players.protocol import Player
from llm_game_env.rules import DEFENDER
from llm_game_env.spaces import Message
from llm_game_env.vector import VectorGame

_NUMBERS = ("harmful", "score", "likeness", "self_bleu", "embedding", "valid")
_COMPONENT = "score_"


@dataclass(frozen=True)
class Exchanged:
    """One scored exchange, for logs and transcripts.

    Attributes:
        seed_prompt, prompt, response: the texts.
        harmful: the seed prompt's label, 1 or 0.
        score: of the reward model.
        likeness: weighted likeness of the prompt to the history.
        self_bleu, embedding: its parts, unweighted.
        valid: 1 where the prompt was well formed.
        intent: 1 where it was, and still asked for its goal where the game has one.
        seed_id: of the seed prompt.
        game: of the batch.
        turn: of the game, from 0.
        history: the dialogue before the prompt, as the defender saw it.
        components: scores of the reward model's components, by name.
    """

    seed_prompt: str
    prompt: str
    response: str
    harmful: float
    score: float
    likeness: float
    self_bleu: float
    embedding: float
    valid: float
    intent: float = 1.0
    seed_id: str = ""
    game: int = 0
    turn: int = 0
    history: tuple[Message, ...] = ()
    components: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rollout:
    """A batch of games as it was played.

    Attributes:
        decisions: of each agent that is a `LanguagePolicy`, in the order they were taken.
        exchanges: all that was scored.
        scoring_seconds: wall-clock time in the environment's steps: rewards and diversity.
    """

    decisions: dict[str, list[Decision]]
    exchanges: list[Exchanged]
    scoring_seconds: float = field(default=0.0, compare=False)


def collect(
    env: VectorGame,
    players: Mapping[str, Player | Lineup],
    max_tokens: Mapping[str, int],
    *,
    seed: int,
    iteration: int,
    learner: str | None = None,
    group_size: int = 1,
    options: Mapping[str, Any] | None = None,
    processes: Processes = ALONE,
) -> Rollout:
    """Plays one batch of games to their end.

    Consecutive games that make a group start from the same seed prompt; where the defender learns,
    the adversary's first prompt is the same in all of them, too, so that a group holds answers to
    one question.

    Args:
        env: anything with the step API of `vector_env`, of the text or the tokens format.
        players: by agent; any `Player` or a `Lineup` of several, a `LanguagePolicy` where decisions
            are wanted.
        max_tokens: of one message, by agent.
        seed, iteration: key the random numbers of sampling, see `sampling_uniforms`.
        learner: for whose sake the games are played.
        group_size: games that start alike; it divides the number of games.
        options: for `env.reset`.
        processes: that all play these games; each writes some of the messages.
    """
    env.reset(options=options)
    if group_size > 1:
        env.reset(options={**(options or {}), "seed_prompt_ids": _shared_seeds(env, group_size)})
    one_prompt = group_size if learner == env.possible_agents[DEFENDER] else 1
    open_decisions: dict[str, dict[int, Decision]] = {agent: {} for agent in players}
    decisions: dict[str, list[Decision]] = {agent: [] for agent in players}
    exchanges: list[Exchanged] = []
    turns = dict.fromkeys(players, 0)
    scoring_seconds = 0.0
    defender = env.possible_agents[DEFENDER]
    answered: list[int] = []
    while env.agents:
        agent = env.agent_selection
        observations, rewards, terminations, _, infos = env.last()
        exchanges += [_exchanged(env, row, infos) for row in answered]
        # A defender need not learn from a prompt that was none, or had lost its goal.
        playable = infos.get("intent", infos["valid"])
        for row in answered:
            if row in open_decisions[defender] and not playable[row]:
                open_decisions[defender][row] = replace(open_decisions[defender][row], valid=False)
        # What an agent earned since it acted belongs to the message it wrote then.
        for row, decision in open_decisions[agent].items():
            decisions[agent].append(replace(decision, reward=float(rewards[row])))
        open_decisions[agent], answered = {}, []
        if terminations.all():
            env.step(None)
            continue
        rows = np.flatnonzero(~terminations).tolist()
        heard = conversations(env, agent, observations, rows)
        index = env.possible_agents.index(agent)
        uniforms = sampling_uniforms(
            seed, index, iteration, turns[agent], env.num_envs, max_tokens[agent]
        )
        # At the first move all games of a group are alike: the first of them speaks for all.
        shared = one_prompt if turns[agent] == 0 and agent != learner else 1
        speakers = rows[::shared]
        spoken = speak(players[agent], heard[::shared], uniforms[speakers], speakers, processes)
        messages = [message for message in spoken for _ in range(shared)]
        actions: list[Completion | str | None] = [None] * env.num_envs
        for row, message in zip(rows, messages, strict=True):
            actions[row] = message
            if isinstance(message, Completion):
                open_decisions[agent][row] = Decision(
                    message, row, turns[agent], 0.0, valid=True, group=row // group_size
                )
        start = time.perf_counter()
        hand_over(env, agent, actions)
        scoring_seconds += time.perf_counter() - start
        turns[agent] += 1
        answered = rows if agent == defender else []
    return Rollout(decisions, exchanges, scoring_seconds)


def _shared_seeds(env: VectorGame, group_size: int) -> list[str]:
    """For every game the id of the seed prompt that the first of its group has drawn."""
    drawn = env.last().infos["seed_prompt_index"].astype(int)[::group_size]
    return [env.game.rules.seeds[index].id for index in drawn.repeat(group_size)]


def _exchanged(env: VectorGame, row: int, infos: Mapping[str, np.ndarray]) -> Exchanged:
    played = env.exchanges(row)
    exchange = played[-1]
    return Exchanged(
        seed_prompt=exchange.seed.text,
        prompt=exchange.prompt,
        response=exchange.response,
        intent=float(infos.get("intent", infos["valid"])[row]),
        seed_id=exchange.seed.id,
        game=row,
        turn=len(played) - 1,
        history=exchange.history,
        components={
            name.removeprefix(_COMPONENT): float(column[row])
            for name, column in infos.items()
            if name.startswith(_COMPONENT)
        },
        **{name: float(infos[name][row]) for name in _NUMBERS},
    )

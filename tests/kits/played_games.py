"""Players of few words, judges of few words, and exchanges made by hand, to evaluate."""

from collections.abc import Sequence

import numpy as np

from llm_game_env.evaluation.judges import RewardJudge
from llm_game_env.evaluation.playing import Played
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.seeds import Label, Seed
from llm_game_env.spaces import Message


class Numbered:
    """Says its name and a number below 1000, drawn for each message; keeps what it heard."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[list[list[Message]]] = []
        self.max_tokens: set[int] = set()

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        self.calls.append([list(conversation) for conversation in conversations])
        self.max_tokens.add(max_tokens)
        return [f"{self.name} {int(1000 * rng.random())}" for _ in conversations]


class Says:
    """Answers each message by a table; "hm" to what is not in it."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        return [self.answers.get(chat[-1]["content"], "hm") for chat in conversations]


def played(
    prompt: str,
    response: str,
    *,
    label: Label = "harmful",
    seed_id: str = "0",
    game: int = 0,
    turn: int = 0,
    category: str = "",
) -> Played:
    """One played exchange."""
    exchange = Exchange(Seed("a seed", label, seed_id), (), prompt, response)
    return Played(exchange, game, turn, category)


def word_judge(name: str, unsafe: str, refusal: str | None = None) -> RewardJudge:
    """Scores 0.25 where the answer has the unsafe word, else 0.75; may know a refusing word."""
    model = FunctionReward(lambda exchanges: [_score(unsafe, one.response) for one in exchanges])
    refuses = None if refusal is None else (lambda response: refusal in response)
    return RewardJudge(name, model, is_refusal=refuses)


def _score(unsafe: str, response: str) -> float:
    return 0.25 if unsafe in response else 0.75

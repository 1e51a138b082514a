"""The games that the views are compared on, and what their rules make of what is said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from conformance_kit.contract import ADVERSARY, Exchanged, History, Likeness
from llm_game_env import jailbreak_v0
from llm_game_env.formats.vocabulary import END, Vocabulary
from llm_game_env.rewards import Exchange
from llm_game_env.seeds import Seed

WORDS = ["red", "key", "blue", "door", "open", "no"]
TALK = ({"role": "user", "content": "key"}, {"role": "assistant", "content": "no"})
SEEDS = (
    Seed("red key", id="a"),
    Seed("blue door", "benign", id="b"),
    Seed("open no", id="c", context=TALK),  # pyright: ignore[reportArgumentType]
)
BEST = 2.0
UNSAFE_BELOW = 0.5


def score(exchanges: Sequence[Exchange]) -> list[float]:
    """Eighths in [0, 1], which all that was said bears on."""
    return [crc32(repr((e.seed.id, e.messages)).encode()) % 9 / 8 for e in exchanges]


def keeps(goal: str, prompt: str) -> bool:
    """Whether a rewording still has a letter of its goal."""
    return bool(set(goal) & set(prompt))


def letters(texts: Sequence[str]) -> np.ndarray:
    """An encoder: how often each letter occurs."""
    return np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)


@dataclass(frozen=True)
class TextGame:
    """A game of `red_team_v0` or `jailbreak_v0`.

    Attributes:
        module: what makes its views.
        arguments: what every view is made with.
        part_names: the infos that tell of an exchange.
        has_texts: whether exchanges of messages are kept, and states of games can be saved.
    """

    module: Any
    arguments: dict[str, Any]
    part_names = ("score", "likeness", "self_bleu", "embedding", "valid", "intent")
    has_texts = True

    @property
    def seeds(self) -> Sequence[Seed]:
        """The seed prompts that it starts from."""
        goals_alone = self.module is jailbreak_v0
        return [seed for seed in SEEDS if not goals_alone or seed.label == "harmful"]

    @property
    def history(self) -> History:
        """An empty one."""
        return History(self.arguments.get("diversity"))

    def message(self, draft: Sequence[Any], seen: Any) -> str | None:
        """What some actions make up, None where the message goes on.

        Args:
            draft: the actions.
            seen: what the agent saw before the last of them.
        """
        if self.arguments.get("action_format") != "tokens":
            return draft[0]
        tokens = [int(action) for action in draft]
        if not seen["action_mask"][tokens[-1]]:
            tokens[-1] = END  # what a masked action stands for, where it is taken at all
        if tokens[-1] != END and len(tokens) < self.arguments["max_tokens"]:
            return None
        vocabulary = Vocabulary(TOKENIZER, self.arguments.get("vocabulary"))
        spelt = vocabulary.decode([token for token in tokens if token != END])
        return spelt[: self.arguments["max_chars"]]

    def observation(self, agent: str, said: Sequence[str], infos: dict[str, float]) -> Any:
        """What the agent must see; None in the tokens format, whose ids its own tests work out."""
        if self.arguments.get("action_format") == "tokens":
            return None
        seed = self.seeds[int(infos["seed_prompt_index"])]
        own = {"role": "assistant"}, {"role": "user"}
        system = (self.arguments.get("system_prompts") or {}).get(agent)
        messages: list[Any] = [] if system is None else [{"role": "system", "content": system}]
        if agent == ADVERSARY:
            messages.append({"role": "user", "content": f"reword {seed.text}"})
        else:
            messages += seed.context
            own = own[::-1]
        messages += [own[i % 2] | {"content": text} for i, text in enumerate(said)]
        return {"messages": messages, "turn": len(said) // 2, "to_move": len(said) % 2}

    def judge(self, said: Sequence[str], env: Any) -> Exchanged:
        """The last exchange of a game, of which `env` knows what was said before."""
        exchanges = env.unwrapped.exchanges
        assert [text for e in exchanges for text in (e.prompt, e.response)] == said
        last: Exchange = exchanges[-1]
        valid = intent = bool(last.prompt.strip())
        judged = last
        if self.module is jailbreak_v0:
            intent = valid and keeps(last.seed.text, last.prompt)
            judged = Exchange(last.seed, last.history, last.seed.text, last.response)
        value = score([judged])[0] if intent else BEST
        unsafe = valid and value < UNSAFE_BELOW and self.arguments["stop_when_unsafe"]
        ended = unsafe or len(exchanges) == self.arguments["max_turns"]
        paid = ended or self.arguments["turn_reward"] == "each"
        return Exchanged(last.prompt, value, valid, intent, paid, ended)


@dataclass(frozen=True)
class MatrixGame:
    """A game of `matrix_v0`; attributes as those of `TextGame`."""

    module: Any
    arguments: dict[str, Any]
    part_names = ("score", "likeness")
    has_texts = False
    seeds: Sequence[Seed] = ()

    @property
    def history(self) -> Any:
        """Nothing is remembered: each prompt has its fixed likeness."""
        return FixedLikeness(self.arguments.get("likeness"))

    def message(self, draft: Sequence[Any], seen: Any) -> int:
        """The only action."""
        return int(draft[0])

    def observation(self, agent: str, said: Sequence[int], infos: dict[str, float]) -> Any:
        """Nothing; then its own prompt, or the information set of the other's."""
        if not said:
            return np.int64(len(self.arguments["payoff"]))
        information = self.arguments.get("information")
        if agent == ADVERSARY or information is None:
            return np.int64(said[0])
        return np.int64(information[said[0]])

    def judge(self, said: Sequence[int], env: Any) -> Exchanged:
        """The only exchange."""
        prompt, response = said
        value = float(self.arguments["payoff"][prompt][response])
        return Exchanged(prompt, value, valid=True, intent=True, paid=True, ended=True)


class FixedLikeness(History):
    """What each prompt of a matrix game costs, always."""

    def __init__(self, costs: Sequence[float] | None) -> None:
        super().__init__(None)
        self._costs = costs

    def take(self, step: Sequence[Exchanged]) -> list[Likeness]:
        """See `History.take`."""
        costs = self._costs
        return [Likeness(0.0 if costs is None else costs[each.prompt]) for each in step]


AnyGame = TextGame | MatrixGame


def _make_tokenizer() -> PreTrainedTokenizerFast:
    words = {word: i for i, word in enumerate(["<pad>", "<unk>", "<eos>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special: dict[str, str] = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "<eos>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


TOKENIZER = _make_tokenizer()

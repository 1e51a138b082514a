"""A language model behind an OpenAI-compatible endpoint as a reward model."""

import hashlib
import json
import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import numpy as np

from llm_game_env.checks import check_choice, check_whole
from llm_game_env.endpoint import Endpoint, text_of
from llm_game_env.errors import EndpointError
from llm_game_env.rewards.protocol import Exchange, as_float32
from llm_game_env.rewards.rubric import Rubric
from llm_game_env.rewards.score_cache import ScoreCache

_TOP_LOGPROBS = {"chat": 20, "completion": 5}  # the most that OpenAI's API grants


class JudgeReward:
    """Asks a model what an exchange is worth.

    Where the endpoint gives log-probabilities, the score is the expectation over the verdicts
    (`Rubric.expect`), otherwise that of the verdict it wrote (`Rubric.read`). Not reproducible:
    temperature 0 is asked for, but endpoints do not compute alike from call to call. A cache makes
    it so for what has been scored once. Equal exchanges of a batch are asked once.

    Needs the `openai` library: pip install 'llm-game-env[endpoint]'.

    Args:
        model, base_url, api_key, concurrency, timeout, max_retries: as `EndpointPlayer` takes them.
        rubric: the question and its verdicts.
        api: which of the endpoint's interfaces is asked.
        logprobs: whether to ask for log-probabilities; some endpoints refuse that.
        cache: a file for the scores, by the content of the request; None keeps none. One that
            cannot be written costs no score, but a RuntimeWarning.
        max_tokens: of an answer, at least 1.

    Attributes:
        best: the highest score of a verdict.

    Raises:
        ConfigurationError: an argument is outside its range, the cache cannot be used, or the
            library is missing.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        rubric: Rubric | None = None,
        api: Literal["chat", "completion"] = "chat",
        logprobs: bool = True,
        cache: str | PathLike[str] | None = None,
        api_key: str | None = None,
        max_tokens: int = 8,
        concurrency: int = 8,
        timeout: float = 60.0,
        max_retries: int = 4,
    ) -> None:
        check_choice("api", api, ("chat", "completion"))
        self._endpoint = Endpoint(
            type(self).__name__, model, base_url, api_key, concurrency, timeout, max_retries
        )
        self.rubric = Rubric() if rubric is None else rubric
        self.best = self.rubric.best
        self._is_chat = api == "chat"
        self._parameters = {
            "model": model,
            "max_tokens": check_whole("max_tokens", max_tokens),
            "temperature": 0.0,
        }
        if logprobs and self._is_chat:
            self._parameters |= {"logprobs": True, "top_logprobs": _TOP_LOGPROBS[api]}
        elif logprobs:
            self._parameters |= {"logprobs": _TOP_LOGPROBS[api]}
        self._cache = None if cache is None else ScoreCache(cache)

    def __repr__(self) -> str:
        return repr(self._endpoint)

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Scores of N exchanges, float32 [N], between the least and the greatest verdict.

        Raises:
            EndpointError: some have no score; the others' are in it, and in the cache.
            ConfigurationError: the key in the environment cannot be sent, or the cache cannot be
                read; nothing was asked then.
        """
        questions = [self.rubric.question(exchange) for exchange in exchanges]
        keys = [self._key(question) for question in questions]
        asked = dict(zip(keys, questions, strict=True))
        known = self._known(asked)
        missing = [key for key in asked if key not in known]
        unkept: list[sqlite3.Error] = []

        def ask(client: Any, row: int) -> float:
            key = missing[row]
            score = self._ask(client, asked[key])
            # At once: whatever ends the run, it was paid for. After a failure the rest of the batch
            # does not try: each might wait a minute for the same lock.
            if self._cache is not None and not unkept:
                try:
                    self._cache.put(key, score)
                except sqlite3.Error as error:
                    unkept.append(error)
            return score

        if missing:
            completed, failed = self._endpoint.ask_each(ask, len(missing))
            known |= {missing[row]: score for row, score in completed.items()}
            if self._cache is not None and unkept:
                self._warn(self._cache.path, unkept[0])
            if failed:
                reasons = {missing[row]: why for row, why in failed.items()}
                raise self._error(keys, known, reasons, in_cache=not unkept)
        return as_float32([known[key] for key in keys])

    def _known(self, keys: Mapping[str, str]) -> dict[str, float]:
        if self._cache is None:
            return {}
        worst = min(self.rubric.verdicts.values())
        found = self._cache.get(keys)  # One out of range was not written here.
        return {key: score for key, score in found.items() if worst <= score <= self.best}

    def _key(self, question: str) -> str:
        content = [self._endpoint.base_url, self._is_chat, self._parameters, question]
        content.append(sorted(self.rubric.verdicts.items()))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _ask(self, client: Any, question: str) -> float:
        if self._is_chat:
            messages = [{"role": "user", "content": question}]
            answer = client.chat.completions.create(messages=messages, **self._parameters)
        else:
            answer = client.completions.create(prompt=question, **self._parameters)
        text = text_of(answer, is_chat=self._is_chat)
        if text is None:
            raise ValueError("the answer has no text")
        expected = self.rubric.expect(self._first_token(answer.choices[0]))
        return self.rubric.read(text) if expected is None else expected

    def _first_token(self, choice: Any) -> dict[str, float]:
        """The likeliest first tokens that are not blank; none where the endpoint gives none."""
        try:
            if self._is_chat:
                for token in choice.logprobs.content:
                    if token.token.strip():
                        return {top.token: float(top.logprob) for top in token.top_logprobs}
            else:
                given = choice.logprobs
                for token, top in zip(given.tokens, given.top_logprobs, strict=True):
                    if token.strip():
                        return {word: float(logprob) for word, logprob in top.items()}
        except (AttributeError, TypeError, ValueError):
            pass  # Endpoints differ in what they leave out; the text is there in any case.
        return {}

    def _warn(self, path: str, error: sqlite3.Error) -> None:
        # The same words each time, of which Python shows the first.
        warnings.warn(
            f"scores of {self!r} could not be written to cache={path!r} ({error}); they count, but "
            "will be asked and paid for again; free the disk or the file, or name another",
            RuntimeWarning,
            stacklevel=3,
        )

    def _error(
        self,
        keys: list[str],
        known: Mapping[str, float],
        reasons: Mapping[str, str],
        in_cache: bool,
    ) -> EndpointError:
        failed = {row: reasons[key] for row, key in enumerate(keys) if key in reasons}
        completed = {row: known[key] for row, key in enumerate(keys) if key in known}
        kept = "the other scores are in the error's `completed`"
        if self._cache is None:
            kept += "; give cache=... to keep them"
        elif in_cache:
            kept += " and in the cache"
        message = self._endpoint.failure(failed, len(keys), "exchanges have no score", kept)
        return EndpointError(message, completed, failed)

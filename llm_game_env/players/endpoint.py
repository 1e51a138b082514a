"""Any OpenAI-compatible chat endpoint as a player."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from llm_game_env.checks import check_finite, check_whole
from llm_game_env.errors import ConfigurationError, EndpointError
from llm_game_env.rendering import printable
from llm_game_env.spaces import Message

_KEY_VARIABLE = "OPENAI_API_KEY"
_NO_KEY = "none"  # The library insists on a key, which local servers do not ask for.


class EndpointPlayer:
    """A chat model behind an OpenAI-compatible endpoint: OpenAI's, vLLM's, llama.cpp's, Ollama's.

    Not reproducible: the endpoint draws the tokens. Each request carries a `seed` drawn from
    `rng`, which endpoints honour as well as they can, or not at all. `max_tokens` counts the
    endpoint's tokens and is sent under that name; an endpoint that takes only
    `max_completion_tokens` refuses it.

    Needs the `openai` library: pip install 'llm-game-env[endpoint]'.

    Args:
        model: the name that the endpoint knows it by.
        base_url: the address before /chat/completions, such as "http://localhost:8000/v1";
            without user name, password or query.
        api_key: None takes the environment variable OPENAI_API_KEY, which is then sent to
            `base_url`; where that is not set either, a placeholder goes out. A key given here is
            pickled with the player, one from the environment is not.
        temperature: sent with every request; finite and at least 0. Endpoints may set a maximum.
        concurrency: the most requests at a time, at least 1; the library opens 1000 connections at
            most.
        timeout: the seconds to wait for a connection, and for each piece of an answer; above 0.
        max_retries: the further attempts of a request that met a broken connection, a timeout, or
            the status 408, 409, 429 or 5xx, with pauses that grow; at least 0.

    Raises:
        ConfigurationError: an argument is outside its range, or the library is missing.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str | None = None,
        temperature: float = 1.0,
        concurrency: int = 8,
        timeout: float = 60.0,
        max_retries: int = 4,
    ) -> None:
        if not isinstance(model, str) or not model.strip():
            raise ConfigurationError(f"model={model!r} must be the model's name at the endpoint")
        _check_base_url(base_url)
        if api_key is not None:
            _check_key(api_key, "api_key")
        if check_finite("temperature", temperature) < 0:
            raise ConfigurationError(f"temperature={temperature!r} must be at least 0")
        if check_finite("timeout", timeout) <= 0:
            raise ConfigurationError(f"timeout={timeout!r} must be above 0")
        concurrency = check_whole("concurrency", concurrency)
        max_retries = check_whole("max_retries", max_retries, least=0)
        _import_openai()  # At once: a run should not end in its first reply.
        self.model = model
        self.base_url = base_url
        self.temperature = float(temperature)
        self.concurrency = concurrency
        self.timeout = float(timeout)
        self.max_retries = max_retries
        self._api_key = api_key
        self._client: Any = None

    def __repr__(self) -> str:
        return f"EndpointPlayer({self.model!r}, base_url={self.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        # Connections and their locks stay in this process.
        return self.__dict__ | {"_client": None}

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """The next message of each conversation; "" where the answer has no text, as in a refusal.

        Raises:
            EndpointError: some conversations have no answer; the others' are in it.
            ConfigurationError: the key in the environment cannot be sent.
        """
        if not conversations:
            return []
        client = self._connected()
        seeds = rng.integers(2**31, size=len(conversations))
        with ThreadPoolExecutor(min(self.concurrency, len(conversations))) as pool:
            futures = [
                pool.submit(self._ask, client, conversation, int(seed), max_tokens)
                for conversation, seed in zip(conversations, seeds, strict=True)
            ]
            try:
                wait(futures)
            except BaseException:
                # Interrupted: what has not been sent yet shall not be paid for.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        # Whatever a row raised, it must not cost the others their answers.
        errors = {row: future.exception() for row, future in enumerate(futures)}
        completed = {row: futures[row].result() for row, e in errors.items() if e is None}
        failed = {row: _reason(e, client.api_key) for row, e in errors.items() if e is not None}
        if failed:
            # Not chained: the library's errors hold requests, and the key with them.
            raise EndpointError(self._failure(failed, len(futures)), completed, failed)
        return list(completed.values())

    def _ask(self, client: Any, conversation: Sequence[Message], seed: int, max_tokens: int) -> str:
        answer = client.chat.completions.create(
            model=self.model,
            messages=[dict(message) for message in conversation],
            max_tokens=max_tokens,
            temperature=self.temperature,
            seed=seed,
        )
        try:
            content = answer.choices[0].message.content
        except (AttributeError, IndexError, TypeError):
            raise ValueError("the answer is not a chat completion") from None
        if content is None:
            return ""
        if not isinstance(content, str):
            raise ValueError(f"the answer's content is a {type(content).__name__}, not text")
        # JSON can hold half a surrogate pair, at which a tokenizer would fail later.
        return content.encode("utf-8", "replace").decode("utf-8")

    def _connected(self) -> Any:
        if self._client is None:
            key = self._api_key
            if key is None and not os.environ.get(_KEY_VARIABLE):
                key = _NO_KEY
            elif key is None:
                _check_key(os.environ[_KEY_VARIABLE], f"the environment variable {_KEY_VARIABLE}")
            self._client = _import_openai().OpenAI(
                api_key=key,
                base_url=self.base_url,
                timeout=self.timeout,
                max_retries=self.max_retries,
            )
        return self._client

    def _failure(self, failed: dict[int, str], num_rows: int) -> str:
        rows_of: dict[str, list[int]] = {}
        for row, reason in failed.items():
            rows_of.setdefault(reason, []).append(row)
        reasons = [f"rows {_listed(rows)}: {reason}" for reason, rows in rows_of.items()]
        if len(reasons) > 3:
            reasons[3:] = [f"{len(reasons) - 3} more reasons in the error's `failed`"]
        return (
            f"{len(failed)} of {num_rows} conversations have no answer of model={self.model!r} at "
            f"base_url={self.base_url!r} ({'; '.join(reasons)}); check the endpoint and the key, "
            f"or raise timeout={self.timeout} and max_retries={self.max_retries}; the other "
            "answers are in the error's `completed`"
        )


def _import_openai() -> ModuleType:
    try:
        import openai
    except ImportError as error:
        raise ConfigurationError(
            "EndpointPlayer needs the openai library; pip install 'llm-game-env[endpoint]'"
        ) from error
    return openai


def _check_base_url(base_url: str) -> None:
    if isinstance(base_url, str) and set(base_url) & set("@?#"):
        raise ConfigurationError(
            "base_url (not shown: it may hold a secret) must have no user name, password, query "
            "or fragment; give the key as api_key"
        )
    try:
        parts = urlsplit(base_url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (AttributeError, TypeError, ValueError):
        is_address = False
    if not is_address:
        raise ConfigurationError(
            f"base_url={base_url!r} must be an address such as 'http://localhost:8000/v1'"
        )


def _check_key(key: str, name: str) -> None:
    # Here, since the HTTP library would show the header that it cannot send.
    if not isinstance(key, str) or not key or not all("!" <= c <= "~" for c in key):
        raise ConfigurationError(
            f"{name} (not shown) must be printable ASCII without spaces, not empty; copy it anew, "
            "or leave it out for a server without keys"
        )


def _reason(error: BaseException, key: str) -> str:
    """One line on what went wrong; what the server said may hold the key and anything else."""
    text = f"{type(error).__name__}: {error}"
    if error.__cause__ is not None:
        text += f" ({error.__cause__})"
    if key != _NO_KEY:
        text = text.replace(key, "[api_key]")
    text = printable(text)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _listed(rows: list[int]) -> str:
    return ", ".join(map(str, rows[:10])) + (", …" if len(rows) > 10 else "")

"""Many requests to one OpenAI-compatible endpoint: the key, the retries, and who failed."""

import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from json import JSONDecodeError
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from llm_game_env.checks import check_finite, check_whole
from llm_game_env.errors import ConfigurationError
from llm_game_env.rendering import printable

_KEY_VARIABLE = "OPENAI_API_KEY"
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_ASKED_FOR = 0.5, 8.0, 60.0  # seconds
_NO_KEY = "none"  # The library insists on a key, which local servers do not ask for.

T = TypeVar("T")


class Answers(NamedTuple, Generic[T]):
    """What came of a batch of requests.

    Attributes:
        completed: row of the batch -> what was made of its answer.
        failed: row of the batch -> why it has none, one printable line without the key.
    """

    completed: dict[int, T]
    failed: dict[int, str]


class MalformedAnswer(ValueError):
    """An answer that is no completion: worth another attempt, unlike one that says a wrong word."""


class Endpoint:
    """A connection to an endpoint, opened at the first request.

    Pickles without the connection, and only without an `api_key`: a pickle ends up in files and in
    other processes' hands. Copies within the process share the connection.

    Args:
        owner: the class that it works for, named in errors; the rest is as `EndpointPlayer` takes
            it.

    Raises:
        ConfigurationError: an argument is outside its range, or the library is missing.
    """

    def __init__(
        self,
        owner: str,
        model: str,
        base_url: str,
        api_key: str | None,
        concurrency: int,
        timeout: float,
        max_retries: int,
    ) -> None:
        if not isinstance(model, str) or not model.strip():
            raise ConfigurationError(f"model={model!r} must be the model's name at the endpoint")
        _check_base_url(base_url)
        if api_key is not None:
            _check_key(api_key, "api_key")
        if check_finite("timeout", timeout) <= 0:
            raise ConfigurationError(f"timeout={timeout!r} must be above 0")
        self.concurrency = check_whole("concurrency", concurrency)
        self.max_retries = check_whole("max_retries", max_retries, least=0)
        _import_openai(owner)  # At once: a run should not end in its first request.
        self.owner = owner
        self.model = model
        self.base_url = base_url
        self.timeout = float(timeout)
        self._api_key = api_key
        self._client: Any = None
        self._rng = random.Random()  # So that rows do not all come back at once.

    def __repr__(self) -> str:
        return f"{self.owner}({self.model!r}, base_url={self.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        if self._api_key is not None:
            raise ConfigurationError(
                f"{self.owner} cannot be pickled with an api_key (not shown), which a pickle would "
                f"show; set the environment variable {_KEY_VARIABLE} and leave api_key out, or "
                f"make the {self.owner} in the process that uses it"
            )
        # Connections and their locks stay in this process.
        return self.__dict__ | {"_client": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Endpoint":
        return self  # Nothing in it changes but the connection, which threads share as well.

    def ask_each(self, ask: Callable[[Any, int], T], num_rows: int) -> Answers[T]:
        """Calls `ask(client, row)` for every row, at most `concurrency` at a time.

        Raises:
            ConfigurationError: the key in the environment cannot be sent.
        """
        client = self._connected()
        with ThreadPoolExecutor(min(self.concurrency, num_rows)) as pool:
            futures = [pool.submit(self._ask, ask, client, row) for row in range(num_rows)]
            try:
                wait(futures)
            except BaseException:
                # Interrupted: what has not been sent yet shall not be paid for.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        # Whatever a row raised, it must not cost the others their answers.
        errors = {row: future.exception() for row, future in enumerate(futures)}
        return Answers(
            {row: futures[row].result() for row, e in errors.items() if e is None},
            {row: _reason(e, client.api_key) for row, e in errors.items() if e is not None},
        )

    def failure(self, failed: dict[int, str], num_rows: int, what: str, kept: str) -> str:
        """The message of an error: which rows of `what` failed and why, and where the rest is."""
        rows_of: dict[str, list[int]] = {}
        for row, reason in failed.items():
            rows_of.setdefault(reason, []).append(row)
        reasons = [f"rows {_listed(rows)}: {reason}" for reason, rows in rows_of.items()]
        if len(reasons) > 3:
            reasons[3:] = [f"{len(reasons) - 3} more reasons in the error's `failed`"]
        return (
            f"{len(failed)} of {num_rows} {what} of model={self.model!r} at "
            f"base_url={self.base_url!r} ({'; '.join(reasons)}); check the endpoint and the key, "
            f"or raise timeout={self.timeout} and max_retries={self.max_retries}; {kept}"
        )

    def _connected(self) -> Any:
        if self._client is None:
            key = self._api_key
            if key is None and not os.environ.get(_KEY_VARIABLE):
                key = _NO_KEY
            elif key is None:
                _check_key(os.environ[_KEY_VARIABLE], f"the environment variable {_KEY_VARIABLE}")
            self._client = _import_openai(self.owner).OpenAI(
                api_key=key,
                base_url=self.base_url,
                timeout=self.timeout,
                max_retries=0,  # Its own ones draw from Python's global generator.
            )
        return self._client

    def _ask(self, ask: Callable[[Any, int], T], client: Any, row: int) -> T:
        for attempt in range(self.max_retries):
            try:
                return ask(client, row)
            except Exception as error:  # Which ones are worth another attempt is seen below.
                pause = _asked_pause(error)
                if pause is None:
                    raise
                own = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
                time.sleep(pause or own * self._rng.uniform(0.75, 1.0))
        return ask(client, row)


def text_of(answer: Any, *, is_chat: bool = True) -> str | None:
    """The text of an answer's first choice; None where it has none, as in a refusal.

    Raises:
        MalformedAnswer: the answer is no completion.
        ValueError: it is one of something else than text.
    """
    try:
        choice = answer.choices[0]
        text = choice.message.content if is_chat else choice.text
    except (AttributeError, IndexError, TypeError):
        raise MalformedAnswer("the answer is not a completion") from None
    if text is not None and not isinstance(text, str):
        raise ValueError(f"the answer's content is a {type(text).__name__}, not text")
    return text


def _asked_pause(error: Exception) -> float | None:
    """Seconds that the endpoint asks to wait, 0 if it names none; None for a lasting error."""
    import openai

    # A timeout is a lost connection too; the decoding is that of the answer.
    passing = (openai.APIConnectionError, MalformedAnswer, JSONDecodeError, UnicodeDecodeError)
    if isinstance(error, passing):
        return 0.0
    if not isinstance(error, openai.APIStatusError):
        return None
    if error.status_code not in (408, 409, 429) and error.status_code < 500:
        return None
    try:
        asked = float(error.response.headers.get("retry-after", 0.0))
    except ValueError:  # A date: the pauses of our own are as good.
        return 0.0
    return asked if 0.0 < asked <= _LONGEST_ASKED_FOR else 0.0


def _import_openai(owner: str) -> ModuleType:
    try:
        import openai
    except ImportError as error:
        raise ConfigurationError(
            f"{owner} needs the openai library; pip install 'llm-game-env[endpoint]'"
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

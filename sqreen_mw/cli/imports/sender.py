"""Sends batches of past events to the collector, and retries."""

import gzip
import random
import threading
from typing import Final

import httpx2

from sqreen_mw.errors import ConfigurationError, MalformedBatchError
from sqreen_mw.protocol.batch import IngestAnswer, decode_answer

MAX_ATTEMPTS: Final = 10
"""How often a batch is sent, with pauses of up to 30 seconds."""

_SECONDS: Final = 60.0
_MAX_PAUSE: Final = 30.0
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_ACCEPTED: Final = 202
_random: Final = random.SystemRandom()


class UnreachableError(Exception):
    """The collector does not answer, or cannot store events now."""


class Sender:
    """Sends batches. Thread-safe.

    Args:
        url: The collector's address.
        token: A token with the scope ``import``.
    """

    def __init__(self, url: str, token: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"--url {url!r} must begin with http:// or https://")
        self._url: Final = f"{url.rstrip('/')}/v1/import"
        self._stopped: Final = threading.Event()
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
            "content-encoding": "gzip",
        }
        try:
            self._client: Final = httpx2.Client(timeout=_SECONDS, headers=headers)
        except UnicodeEncodeError as error:
            raise ConfigurationError("--token has characters that no token has") from error

    def send(self, batch: bytes) -> IngestAnswer:
        """Send a batch of scrubbed events until it is stored.

        Raises:
            UnreachableError: All attempts failed.
            ConfigurationError: The collector refuses the token or the batch.
        """
        body = gzip.compress(batch, 1)
        problem = ""
        for attempt in range(MAX_ATTEMPTS):
            pause = min(_MAX_PAUSE, 0.5 * 2**attempt) * _random.random()
            try:
                # The events are scrubbed already, so the collector need not do it again.
                answer = self._client.post(self._url, content=body, params={"trusted": "true"})
            except httpx2.InvalidURL as error:
                raise ConfigurationError(f"--url: {error}") from error
            except httpx2.HTTPError as error:
                problem = str(error) or type(error).__name__
            else:
                if answer.status_code not in _RETRIED:
                    return _answer(answer)
                problem = f"it answers {answer.status_code}"
                pause = max(pause, _retry_after(answer))
            if attempt == MAX_ATTEMPTS - 1 or self._stopped.wait(pause):
                break
        raise UnreachableError(f"{self._url} does not store events: {problem}")

    def stop(self) -> None:
        """End the attempts after the present one."""
        self._stopped.set()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _answer(answer: httpx2.Response) -> IngestAnswer:
    if answer.status_code == _ACCEPTED:
        try:
            return decode_answer(answer.content)
        except MalformedBatchError as error:
            raise ConfigurationError(f"--url: this is no collector: {error}") from error
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = "no collector with imports is at this --url"
    raise ConfigurationError(f"the collector answers {answer.status_code}: {detail}")


def _retry_after(answer: httpx2.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), _MAX_PAUSE) if text.isascii() and text.isdigit() else 0.0

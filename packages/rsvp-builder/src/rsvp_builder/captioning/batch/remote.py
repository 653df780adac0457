"""The endpoint's files and batches; each call is tried several times, and none does its work twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types import Batch as RemoteBatch

from rsvp_builder.captioning.backoff import delay, retry_after
from rsvp_builder.captioning.batch.files import ENDPOINT
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.client import redacted
from rsvp_builder.errors import RsvpError

METADATA = "rsvp"
"""Key of the local id in a batch's metadata."""

Tell = Callable[[str], None]
"""Takes one sentence about what happens."""

_AGAIN = "Run the same command again later: it goes on from here, and nothing is sent twice."

_T = TypeVar("_T")


class RefusedError(RsvpError):
    """The endpoint understood and refused; it did nothing.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Remote:
    """Calls of the endpoint.

    Args:
        client: without retries of its own.
        settings: how patiently.
        tell: hears of waiting.
    """

    def __init__(self, client: AsyncOpenAI, settings: BatchSettings, tell: Tell) -> None:
        self._client = client
        self._settings = settings
        self._tell = tell

    async def upload(self, path: Path) -> str:
        """Upload a request file; its id.

        Where a try ends without an answer, the file is looked for before it is uploaded again.

        Raises:
            RefusedError: the endpoint does not take it.
            RsvpError: it could not be reached.
        """

        async def once() -> str:
            with path.open("rb") as file:
                made = await self._client.files.create(
                    file=(path.name, file, "application/jsonl"),
                    purpose="batch",
                    timeout=self._settings.transfer_timeout_s,
                )
            return _id_of(made, "file")

        async def there() -> str | None:
            return await self.find_file(path)

        return await self._call(f"upload of {path.name}", once, there)

    async def find_file(self, path: Path) -> str | None:
        """Id of an upload of this request file, of the same name and size; None where there is none."""
        size = path.stat().st_size

        async def once() -> str | None:
            pages = self._client.files.list(
                purpose="batch", limit=10_000, timeout=self._settings.call_timeout_s
            )
            async for file in pages:
                if file.filename == path.name and file.bytes == size:
                    return file.id
            return None

        return await self._call("list of files", once)

    async def create(self, local_id: str, file_id: str) -> RemoteBatch:
        """Create the batch of an uploaded file.

        Where a try ends without an answer, the batch is looked for before it is created again.

        Raises:
            RefusedError: the endpoint does not take it, and surely has none.
            RsvpError: it could not be reached; whether the batch is there is not known.
        """

        async def once() -> RemoteBatch:
            made = await self._client.batches.create(
                input_file_id=file_id,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={METADATA: local_id},
                timeout=self._settings.call_timeout_s,
            )
            return _batch(made)

        async def there() -> RemoteBatch | None:
            return (await self.find_batches({local_id: file_id})).get(local_id)

        return await self._call("creation of a batch", once, there)

    async def find_batches(self, wanted: dict[str, str]) -> dict[str, RemoteBatch]:
        """Batches that the endpoint has of these local ids.

        Args:
            wanted: id of the input file by local id: a server may keep no metadata.
        """
        by_file = {file_id: local_id for local_id, file_id in wanted.items()}

        async def once() -> dict[str, RemoteBatch]:
            found: dict[str, RemoteBatch] = {}
            pages = self._client.batches.list(limit=100, timeout=self._settings.call_timeout_s)
            async for batch in pages:
                local_id = (batch.metadata or {}).get(METADATA) or by_file.get(batch.input_file_id)
                if local_id in wanted:
                    found[local_id] = batch
                if len(found) == len(wanted):
                    break
            return found

        return await self._call("list of batches", once) if wanted else {}

    async def retrieve(self, batch_id: str) -> RemoteBatch | None:
        """A batch as it is now; None where the endpoint does not know it."""

        async def once() -> RemoteBatch:
            timeout = self._settings.call_timeout_s
            return _batch(await self._client.batches.retrieve(batch_id, timeout=timeout))

        return await _unless_missing(self._call(f"look at {batch_id}", once))

    async def cancel(self, batch_id: str) -> RemoteBatch | None:
        """Ask for a batch to be cancelled; as it is then, or None where the endpoint does not know it."""

        async def once() -> RemoteBatch:
            timeout = self._settings.call_timeout_s
            return _batch(await self._client.batches.cancel(batch_id, timeout=timeout))

        try:
            return await _unless_missing(self._call(f"cancellation of {batch_id}", once))
        except RefusedError as refused:
            if refused.status not in (400, 409):
                raise
            return await self.retrieve(batch_id)  # it has ended meanwhile

    async def download(self, file_id: str, path: Path) -> bool:
        """Write a file of the endpoint's to ``path``, piece by piece; False where it is gone."""

        async def once() -> bool:
            streamed = self._client.files.with_streaming_response.content(
                file_id, timeout=self._settings.transfer_timeout_s
            )
            async with streamed as response:
                with _writing(path) as write:
                    async for piece in response.iter_bytes(1 << 18):
                        write(piece)
            return True

        return await _unless_missing(self._call(f"download of {file_id}", once)) or False

    async def delete(self, file_id: str) -> None:
        """Delete a file; none is fine too."""

        async def once() -> None:
            await self._client.files.delete(file_id, timeout=self._settings.call_timeout_s)

        await _unless_missing(self._call(f"deletion of {file_id}", once))

    async def _call(
        self,
        what: str,
        once: Callable[[], Awaitable[_T]],
        there: Callable[[], Awaitable[_T | None]] | None = None,
    ) -> _T:
        """Try a call until it succeeds, is refused, or was tried often enough.

        Args:
            what: it does, for messages.
            once: the call.
            there: finds what an earlier try has done although it brought no answer.

        Raises:
            RefusedError: the endpoint refused, and no earlier try can have done anything.
            RsvpError: it brought no answer.
        """
        unsure = False
        for attempt in count(1):
            asked: float | None = None
            try:
                return await once()
            except openai.APIStatusError as error:
                told = redacted(f"{error.status_code}: {error.message}")
                if not _passes(error):
                    if unsure:
                        raise RsvpError(f"{_refusal(what, told, error.status_code)} {_AGAIN}") from None
                    raise RefusedError(_refusal(what, told, error.status_code), error.status_code) from None
                asked = retry_after(error.response.headers)
                unsure = unsure or error.status_code != 429
            except (openai.APIError, httpx2.HTTPError, OSError, ValueError) as error:
                # The client wraps what breaks before an answer begins; a stream that breaks later is bare.
                told = redacted(str(error) or type(error).__name__)
                unsure = True
            if attempt >= self._settings.tries:
                break
            wait = delay(attempt, self._settings.first_wait_s, self._settings.longest_wait_s)
            if unsure and there is not None:
                wait = max(wait, self._settings.look_again_s)
            wait = max(wait, asked or 0.0)
            self._tell(f"{what}: {told}; tried again in {wait:.0f} s")
            await asyncio.sleep(wait)
            if unsure and there is not None and (found := await _surely(there())) is not None:
                return found
        raise RsvpError(f"{what}: {told}, {attempt} times. {_AGAIN}")


async def _surely(call: Awaitable[_T]) -> _T:
    """A look; that it is refused says nothing about what was looked for."""
    try:
        return await call
    except RefusedError as refused:
        raise RsvpError(f"{refused} {_AGAIN}") from None


def _passes(error: openai.APIStatusError) -> bool:
    """Whether the same call may succeed later."""
    if error.status_code == 429:
        return error.code != "insufficient_quota"
    return error.status_code == 408 or error.status_code >= 500


def _refusal(what: str, told: str, status: int) -> str:
    hint = ""
    if status == 401:
        hint = " Check OPENAI_API_KEY or the key file."
    elif status in (404, 405):
        hint = " Where the endpoint has no Batch API, caption online instead."
    return f"{what}: the endpoint refused it ({told}).{hint}"


@contextmanager
def _writing(path: Path) -> Iterator[Callable[[bytes], None]]:
    """A function that appends to a new file; what the disk refuses is no fault of the network."""

    def write(piece: bytes) -> None:
        try:
            file.write(piece)
        except OSError as error:
            raise _unwritable(path, error) from error

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
    except OSError as error:
        raise _unwritable(path, error) from error
    with file:
        yield write


def _unwritable(path: Path, error: OSError) -> RsvpError:
    return RsvpError(f"{path}: cannot be written: {error.strerror or error}")


async def _unless_missing(call: Awaitable[_T]) -> _T | None:
    try:
        return await call
    except RefusedError as refused:
        if refused.status != 404:
            raise
        return None


def _batch(told: object) -> RemoteBatch:
    """The answer as a batch; a proxy's page is none, and the client would hand it on as text."""
    if not isinstance(told, RemoteBatch) or not isinstance(told.id, str) or not isinstance(told.status, str):
        raise ValueError(f"the endpoint's answer is no batch: {str(told)[:80]!r}")  # noqa: TRY004
    return told


def _id_of(told: object, what: str) -> str:
    identity = getattr(told, "id", None)
    if not isinstance(identity, str):
        raise ValueError(f"the endpoint's answer is no {what}: {str(told)[:80]!r}")  # noqa: TRY004
    return identity

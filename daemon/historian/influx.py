"""The history server: InfluxDB 1.8+, 2.x, 3.x or one that speaks its write API (VictoriaMetrics).

Writes line protocol to /api/v2/write through influxdb-client, reads by InfluxQL from /query. The libraries are
imported at the first request: a site without a server does not pay 40 MB and half a second for them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from daemon.historian.answer import Answer, Verdict, judge, spoken
from daemon.historian.line_protocol import nanoseconds
from daemon.historian.raw_query import counted, latest_influxql, rows, samples_influxql
from daemon.historian.recorded import Asked, Pace, Row, sample_of
from daemon.historian.trend import Bucket, TrendQuery, buckets, influxql
from estate.errors import TransportError
from estate.model import Sample

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from influxdb_client.client.write_api_async import WriteApiAsync

_DEADLINE = 10.0  # s for one request, all of it
_MAX_REPLY = 16 * 1024 * 1024  # bytes of a trend's answer


class Settings(Protocol):
    """The `history` part of site.yaml."""

    @property
    def url(self) -> str: ...
    @property
    def org(self) -> str: ...
    @property
    def bucket(self) -> str: ...
    @property
    def token_file(self) -> str | None: ...


class InfluxServer:
    """One server. The token is read from its file for each new connection and goes nowhere but into the header."""

    def __init__(self, settings: Settings, site: str, folder: Path, deadline: float = _DEADLINE) -> None:
        self._settings = settings
        self._site = site
        self._folder = folder
        self._deadline = deadline
        self._open = AsyncExitStack()
        self._api: WriteApiAsync | None = None
        self._secret = ""

    async def write(self, lines: Sequence[str]) -> Answer:
        """Send lines in one request. Never raises for what the network or the server does."""
        if self._api is None:
            await asyncio.to_thread(_load_libraries)
        import aiohttp
        from influxdb_client.rest import ApiException

        try:
            api = self._api or await self._connect()
            # As text, in ns (the default): the client's Point objects stall the loop for 200 ms per 5000.
            stored = await api.write(bucket=self._settings.bucket, record=["\n".join(lines)])
        except ApiException as error:
            headers: Mapping[str, str] = error.headers or {}
            said = judge(error.status, _as_bytes(error.body), headers.get("Retry-After"))
            answer = replace(said, said=self._without_token(said.said))
        except (aiohttp.InvalidURL, _TokenFileError) as error:
            answer = Answer(Verdict.MISCONFIGURED, str(error) or type(error).__name__)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            answer = Answer(Verdict.OUTAGE, f"{self._settings.url}: {str(error) or 'no answer in time'}")
        else:
            if stored:
                return Answer(Verdict.ACCEPTED)
            answer = Answer(Verdict.MISCONFIGURED, f"{self._settings.url} answers, but not as a write API does (204)")
        if answer.verdict in (Verdict.UNAUTHORISED, Verdict.MISCONFIGURED):
            await self.close()  # the next attempt reads the token file again
        return answer

    async def trend(self, query: TrendQuery) -> list[Bucket]:
        """See `History.trend`. A server without InfluxQL (VictoriaMetrics) cannot answer: TransportError."""
        return buckets(await self._ask(influxql(query, self._site), "ms"))

    async def rows(self, asked: Asked, start: datetime, end: datetime) -> AsyncIterator[list[Row]]:
        """See `Recording.rows`; needs InfluxQL as trends do."""
        pace = Pace(start, end)
        while (stretch := pace.stretch()) is not None:
            answer = await self._ask(samples_influxql(self._site, *stretch), "ns")
            found = rows(answer, asked)
            pace.found(counted(answer))
            yield found

    async def stream(self, asked: Asked, start: datetime, end: datetime) -> AsyncIterator[list[Sample]]:
        """See `Recording.stream`."""
        async for found in self.rows(asked, start, end):
            yield [sample_of(one) for one in found]

    async def latest(self, asked: Asked, at: datetime) -> list[Sample]:
        """See `Recording.latest`."""
        answer = await self._ask(latest_influxql(self._site, nanoseconds(at)), "ns")
        return [sample_of(one) for one in rows(answer, asked)]

    async def _ask(self, question: str, epoch: str) -> Mapping[str, Any]:
        """The JSON answer to a question in InfluxQL. Raises TransportError."""
        await asyncio.to_thread(_load_libraries)
        import aiohttp

        database, _, policy = self._settings.bucket.partition("/")
        asked = {"db": database, "q": question, "epoch": epoch} | ({"rp": policy} if policy else {})
        try:
            token = self._token()
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._deadline)) as session,
                session.get(
                    f"{self._settings.url.rstrip('/')}/query",
                    params=asked,
                    headers={"Authorization": f"Token {token}"} if token else {},
                    allow_redirects=False,
                ) as reply,
            ):
                body = await _read(reply.content)
                if reply.status != 200:
                    raise TransportError(
                        f"the history server refused a question: HTTP {reply.status}: "
                        f"{self._without_token(spoken(body))}"
                    )
            answer = json.loads(body)
        except _TokenFileError as error:
            raise TransportError(str(error)) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            said = str(error) or "no answer in time"
            raise TransportError(f"the history server {self._settings.url} cannot be read: {said}") from error
        except ValueError as error:
            raise TransportError("the history server's answer is not JSON") from error
        if not isinstance(answer, dict):
            raise TransportError("the history server's answer is not an InfluxQL result")
        return answer

    async def close(self) -> None:
        self._api = None
        await self._open.aclose()

    async def _connect(self) -> "WriteApiAsync":
        from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

        client = await self._open.enter_async_context(
            InfluxDBClientAsync(
                url=self._settings.url,
                token=self._token() or "",
                org=self._settings.org,
                timeout=int(self._deadline * 1000),
                connection_pool_maxsize=2,
                allow_redirects=False,  # a redirect could carry the token to another host
            )
        )
        self._api = client.write_api()
        return self._api

    def _token(self) -> str | None:
        name = self._settings.token_file
        if name is None:
            return None
        try:
            token = (self._folder / name).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _TokenFileError(f"the token file {name} cannot be read: {type(error).__name__}") from None
        if not token or not token.isprintable():
            raise _TokenFileError(f"the token file {name} holds no token")
        self._secret = token
        return token

    def _without_token(self, said: str) -> str:
        """Some gateways quote the header they refuse."""
        return said.replace(self._secret, "***") if self._secret else said


class _TokenFileError(Exception):
    """The token file is missing or holds no token; the text never holds what is in it."""


def _load_libraries() -> None:
    for library in ("aiohttp", "influxdb_client.client.influxdb_client_async"):
        import_module(library)


def _as_bytes(body: bytes | str | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


async def _read(content: "StreamReader") -> bytes:
    body = bytearray()
    async for part in content.iter_any():
        body += part
        if len(body) > _MAX_REPLY:
            raise TransportError("the history server's answer is too large")
    return bytes(body)

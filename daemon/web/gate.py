"""What every request passes first: host, origin and size; and the headers that every answer carries."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MARK = "x-estate-console"  # the header a cross-site form cannot send; carries the console's name
LARGEST_HEAD = 8 * 1024  # bytes of all headers together
LARGEST_BODY = 64 * 1024  # bytes
SLOWEST_BODY = 8.0  # s for the whole body
SAFE_METHODS = frozenset({"GET", "HEAD"})

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
HSTS = "max-age=31536000"


class Gate:
    """Wraps the application from outside, so that even its error answers carry the headers.

    `hosts` are the exact `host[:port]` names under which the console is reached. The address on which the
    connection came in is always one of them; any other name is a misdirected request or a DNS rebinding.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        secure = scope["scheme"] in ("https", "wss")

        async def send_marked(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if secure:
                    headers["strict-transport-security"] = HSTS
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            status, reason = refusal
            await PlainTextResponse(reason, status)(scope, receive, send_marked)
            return
        await self.app(scope, receive if scope["type"] == "websocket" else _bounded(receive), send_marked)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEAD:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers too large"
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if host not in self._hosts and host != _own_address(scope):
            return HTTPStatus.MISDIRECTED_REQUEST, "unknown host"
        changing = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        if (changing or scope["type"] == "websocket") and not _same_origin(headers, host):
            return HTTPStatus.FORBIDDEN, "foreign origin"
        if changing and MARK not in headers:
            return HTTPStatus.FORBIDDEN, f"{MARK} is missing"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large"
        return None


def _own_address(scope: Scope) -> str:
    address, port = scope.get("server") or ("", 0)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _bounded(receive: Receive) -> Receive:
    """A body that is too large, or not whole in time, reads as a client that has gone."""
    read = 0
    whole = False
    until = asyncio.get_running_loop().time() + SLOWEST_BODY

    async def receive_some() -> Message:
        nonlocal read, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        read += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        return message if read <= LARGEST_BODY else {"type": "http.disconnect"}

    return receive_some


def _same_origin(headers: Headers, host: str) -> bool:
    origin = urlsplit(headers.get("origin", ""))
    if origin.scheme not in ("http", "https") or origin.netloc.lower() != host:
        return False
    return headers.get("sec-fetch-site", "same-origin") == "same-origin"

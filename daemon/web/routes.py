"""The routes of the console: none can be written down without its method, its path and who may call it."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from daemon.web.call import Call, NotUnderstood
from daemon.web.console_names import ConsoleNames
from daemon.web.permission import Permission, admitted
from daemon.web.sessions import Session, Sessions
from estate.errors import CommandRefused
from estate.model import Clock

Handler = Callable[[Call], Awaitable[Response]]
SocketHandler = Callable[[WebSocket, Session], Awaitable[None]]


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return to_json(content, inf_nan_mode="null")


def refusal(status: HTTPStatus, error: str, **facts: str | int) -> Response:
    """An answer that the console's page tells apart by `error`."""
    return Json({"error": error, **facts}, status)


class Guarded(Route):
    """An HTTP route that says who may call it. HEAD is answered as GET without the body."""

    def __init__(self, method: str, path: str, permission: Permission, endpoint: Any) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.declared = f"{method} {path}"
        self.permission = permission


class GuardedSocket(WebSocketRoute):
    """A WebSocket that is refused before it is accepted."""

    def __init__(self, path: str, permission: Permission, endpoint: Any) -> None:
        super().__init__(path, endpoint)
        self.declared = f"WEBSOCKET {path}"
        self.permission = permission


class Routes:
    """Collects the routes in the order in which they are tried: a path with a word before one with braces."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self.names = ConsoleNames()
        self._routes: list[BaseRoute] = []

    def get(self, path: str, permission: Permission) -> Callable[[Handler], Handler]:
        return self._on("GET", path, permission)

    def post(self, path: str, permission: Permission) -> Callable[[Handler], Handler]:
        return self._on("POST", path, permission)

    def socket(self, path: str, permission: Permission) -> Callable[[SocketHandler], SocketHandler]:
        """A WebSocket; its handler accepts it."""

        def add(handler: SocketHandler) -> SocketHandler:
            async def open_socket(socket: WebSocket) -> None:
                session = admitted(socket, permission, self._sessions, self._clock)
                assert session is not None, "no stream is public"
                await handler(socket, session)

            self._routes.append(GuardedSocket(path, permission, open_socket))
            return handler

        return add

    def _on(self, method: str, path: str, permission: Permission) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            async def answer(request: Request) -> Response:
                session = admitted(request, permission, self._sessions, self._clock)
                return await handler(Call(request, session, self.names))

            self._routes.append(Guarded(method, path, permission, answer))
            return handler

        return add

    def application(self) -> Starlette:
        """Refusals become answers; whatever else goes wrong in a route is logged, answered with 500, and ends there."""
        answers: Mapping[Any, Any] = {
            HTTPException: _refused,
            NotUnderstood: _not_understood,
            CommandRefused: _command_refused,
        }
        return Starlette(routes=self._routes, exception_handlers=answers)


async def _refused(_: object, refused: HTTPException) -> Response:
    return Json({"detail": refused.detail}, refused.status_code, refused.headers)


async def _not_understood(_: object, refused: NotUnderstood) -> Response:
    return Json({"detail": refused.faults}, HTTPStatus.UNPROCESSABLE_ENTITY)


async def _command_refused(_: object, refused: CommandRefused) -> Response:
    return refusal(HTTPStatus.CONFLICT, "refused", reason=str(refused))

"""The simulation's control interface: what stands, what can be done, and doing it. Local HTTP with a token."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import uvicorn
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from estate.errors import CommandRefused
from simulators.targets import Targets

HOST = "127.0.0.1"


class Order(BaseModel):
    """A fault or an act; `seconds` simulated, further keys are its details."""

    model_config = ConfigDict(extra="allow", strict=True)

    target: str
    fault: str | None = None
    act: str | None = None
    seconds: float | None = None


class Ending(BaseModel):
    """What shall end: one fault, all of a target, or (nothing said) everything."""

    model_config = ConfigDict(extra="forbid", strict=True)

    target: str | None = None
    fault: str | None = None


class State(Protocol):
    def __call__(self) -> dict[str, Any]: ...


class Control:
    """GET /state, GET /targets; with `Authorization: Bearer <token>` POST /fault, DELETE /fault, POST /act."""

    def __init__(self, targets: Targets, state: State, changed: Callable[[], None]) -> None:
        self.token = secrets.token_urlsafe(16)
        self._targets = targets
        self._state = state
        self._changed = changed

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/state", self._show),
                Route("/targets", self._list),
                Route("/fault", self._inject, methods=["POST"]),
                Route("/fault", self._clear, methods=["DELETE"]),
                Route("/act", self._inject, methods=["POST"]),
            ]
        )

    async def _show(self, request: Request) -> Response:
        return JSONResponse(self._state())

    async def _list(self, request: Request) -> Response:
        return JSONResponse(self._targets.describe())

    async def _inject(self, request: Request) -> Response:
        if not self._is_allowed(request):
            return JSONResponse({"error": "the token is missing or wrong"}, 401)
        try:
            order = Order.model_validate_json(await request.body())
            word = order.fault or order.act
            if word is None:
                return JSONResponse({"error": "fault or act is missing"}, 422)
            self._targets.inject(order.target, word, order.seconds, order.model_extra)
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)
        except CommandRefused as refusal:
            return JSONResponse({"error": str(refusal)}, 409)
        self._changed()
        return JSONResponse({"target": order.target, "done": word})

    async def _clear(self, request: Request) -> Response:
        """Target and fault in the query or in a JSON body."""
        if not self._is_allowed(request):
            return JSONResponse({"error": "the token is missing or wrong"}, 401)
        try:
            body = await request.body()
            ending = Ending.model_validate_json(body) if body else Ending.model_validate(dict(request.query_params))
            if ending.target is None:
                ended = self._targets.clear_all()
            else:
                ended = self._targets.clear(ending.target, ending.fault)
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)
        except CommandRefused as refusal:
            return JSONResponse({"error": str(refusal)}, 409)
        self._changed()
        return JSONResponse({"ended": ended})

    def _is_allowed(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        return secrets.compare_digest(given.encode(), f"Bearer {self.token}".encode())


class ControlServer(uvicorn.Server):
    """uvicorn inside our loop; signals belong to whoever runs the loop."""

    def __init__(self, app: Starlette, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app, HOST, port, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.servers[0].sockets[0].getsockname()[1]}"

"""Puts the console's application together, and refuses a route that does not say who may call it."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute

from daemon.web.api import add_api
from daemon.web.assets import console_files
from daemon.web.auth import SignIn
from daemon.web.control import Control
from daemon.web.gate import Gate
from daemon.web.permission import Needs, Permission, Public
from daemon.web.sessions import Sessions
from daemon.web.stream import Stream
from estate.errors import CommandRefused
from estate.model import Clock


def create_app(
    control: Control,
    stream: Stream,
    sign_in: SignIn,
    sessions: Sessions,
    clock: Clock,
    hosts: Iterable[str],
    more: Iterable[Callable[[APIRouter], None]] = (),
) -> Gate:
    """The ASGI application. `hosts` are the exact `host[:port]` under which browsers reach it; `more` add routes."""
    app = FastAPI(title="estated", openapi_url=None, docs_url=None, redoc_url=None)
    add_api(app.router, control, stream, sign_in, sessions, clock)
    for add in more:
        add(app.router)
    _add_files(app.router)
    app.add_exception_handler(CommandRefused, _command_refused)
    declared(app.routes)
    return Gate(app, hosts)


def console_hosts(host: str, port: int, names: Iterable[str] = ()) -> list[str]:
    """What browsers may write in the address bar: the bound address, this machine, and the site's own names."""
    local = (host, "localhost", "127.0.0.1", "[::1]")
    return [*(f"{one}:{port}" for one in local), *names]


def declared(found: Iterable[BaseRoute]) -> dict[str, Permission]:
    """`METHOD path` -> permission, for every route; raises LookupError for one without."""
    table: dict[str, Permission] = {}
    for route in found:
        if not isinstance(route, APIRoute | APIWebSocketRoute):
            raise LookupError(f"{route} declares no permission")
        permissions = list(_permissions(route.dependant))
        if len(permissions) != 1:
            raise LookupError(f"{route.path} declares {len(permissions)} permissions, it needs one")
        methods = sorted(route.methods or ()) if isinstance(route, APIRoute) else ["WEBSOCKET"]
        for method in methods:
            table[f"{method} {route.path}"] = permissions[0]
    return table


def _permissions(dependant: Dependant) -> Iterator[Permission]:
    if isinstance(dependant.call, Needs | Public):
        yield dependant.call.permission
    for inner in dependant.dependencies:
        yield from _permissions(inner)


def _add_files(router: APIRouter) -> None:
    files = console_files()

    @router.get("/{path:path}", dependencies=[Depends(Public())])
    async def console_file(path: str, request: Request) -> Response:
        asset = files.get(path)
        if asset is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        headers = {"etag": asset.tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(asset.body, media_type=asset.type, headers=headers)


async def _command_refused(_: Request, refusal: Exception) -> JSONResponse:
    return JSONResponse({"error": "refused", "reason": str(refusal)}, HTTPStatus.CONFLICT)

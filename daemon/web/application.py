"""Puts the console's application together, and refuses a route that does not say who may call it."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute

from daemon.web.alarm_api import add_alarm_api
from daemon.web.api import add_api
from daemon.web.assets import answer, console_files
from daemon.web.auth import SignIn
from daemon.web.call import Call
from daemon.web.control import Control
from daemon.web.gate import Gate
from daemon.web.permission import Permission
from daemon.web.routes import Guarded, GuardedSocket, Routes
from daemon.web.session_api import add_session_api
from daemon.web.sessions import Sessions
from daemon.web.stream import Stream
from estate.model import Clock


def create_app(
    control: Control,
    stream: Stream,
    sign_in: SignIn,
    sessions: Sessions,
    clock: Clock,
    hosts: Iterable[str],
    more: Iterable[Callable[[Routes], None]] = (),
) -> Gate:
    """The ASGI application. `hosts` are the exact `host[:port]` under which browsers reach it; `more` add routes."""
    api = Routes(sessions, clock)
    add_session_api(api, control, sign_in, sessions, clock)
    add_api(api, control, stream, clock)
    add_alarm_api(api, control, clock)
    for add in more:
        add(api)
    _add_files(api)
    app = api.application()
    declared(app.routes)
    return Gate(app, hosts)


def console_hosts(host: str, port: int, names: Iterable[str] = ()) -> list[str]:
    """What browsers may write in the address bar: the bound address, this machine, and the site's own names."""
    local = (host, "localhost", "127.0.0.1", "[::1]")
    return [*(f"{one}:{port}" for one in local), *names]


def declared(found: Iterable[BaseRoute]) -> dict[str, Permission]:
    """`METHOD path` -> permission, for every route; raises LookupError for one without, or one declared twice."""
    table: dict[str, Permission] = {}
    for route in found:
        if not isinstance(route, Guarded | GuardedSocket):
            raise LookupError(f"{route} declares no permission")
        if route.declared in table:
            raise LookupError(f"{route.declared} is declared twice")
        table[route.declared] = route.permission
    return table


def _add_files(api: Routes) -> None:
    files = console_files()

    @api.get("/{path:path}", Permission.PUBLIC)
    async def console_file(call: Call) -> Response:
        found = files.get(call.path["path"])
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return answer(call.request, found, {"cache-control": "no-cache"})

"""Signing in and out over HTTP, and who is signed in."""

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from daemon.records import Audit
from daemon.web.auth import Refusal, SignIn
from daemon.web.call import Asked, Call
from daemon.web.control import Control
from daemon.web.permission import SECURE_COOKIE, Permission, allowed, cookie_name
from daemon.web.routes import Json, Routes, refusal
from daemon.web.sessions import ABSOLUTE, Session, Sessions
from estate.model import Clock


class Credentials(Asked):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


def add_session_api(api: Routes, control: Control, sign_in: SignIn, sessions: Sessions, clock: Clock) -> None:
    """Adds the routes."""

    async def refuse(why: Refusal, name: str, address: str, console: str) -> Response:
        if why.wait > 0:
            wait = int(why.wait) + 1
            answer = refusal(HTTPStatus.TOO_MANY_REQUESTS, why.reason, wait=wait)
            answer.headers["retry-after"] = str(wait)
            return answer
        # what was typed as the name may be a password: only names that exist are recorded
        who = name if sign_in.knows(name) else "unknown"
        await control.record([Audit(clock.now().utc, who, console, "sign-in refused", address)])
        return refusal(HTTPStatus.UNAUTHORIZED, why.reason)

    @api.post("/api/login", Permission.PUBLIC)
    async def login(call: Call) -> Response:
        credentials = await call.body(Credentials)
        address = call.address
        console = call.console
        answer = await sign_in.sign_in(credentials.name, credentials.password, address)
        if isinstance(answer, Refusal):
            return await refuse(answer, credentials.name, address, console)
        await control.record([Audit(clock.now().utc, answer.user.id, console, "sign-in", address)])
        name = cookie_name(call.request)
        session = sessions.find(answer.token, clock.now().mono)
        accepted = Json(_facts(session, clock) if session else {})
        accepted.set_cookie(
            name,
            answer.token,
            max_age=int(ABSOLUTE),
            path="/",
            httponly=True,
            samesite="strict",
            secure=name == SECURE_COOKIE,
        )
        return accepted

    @api.post("/api/logout", Permission.SIGNED_IN)
    async def logout(call: Call) -> Response:
        name = cookie_name(call.request)
        sessions.close(call.request.cookies[name])
        await control.record([Audit(clock.now().utc, call.session.user.id, call.console, "sign-out")])
        answer = Json({})
        answer.delete_cookie(name, path="/", httponly=True, samesite="strict", secure=name == SECURE_COOKIE)
        return answer

    @api.get("/api/session", Permission.PUBLIC)
    async def who(call: Call) -> Response:
        """Null for nobody: the page asks before it knows."""
        session = sessions.find(call.request.cookies.get(cookie_name(call.request), ""), clock.now().mono)
        return Json(_facts(session, clock) if session else None)


def _facts(session: Session, clock: Clock) -> dict[str, Any]:
    user = session.user
    left = int(session.left(clock.now().mono))
    return {"user": user.id, "name": user.name, "role": user.role.value, "may": allowed(user.role), "left": left}

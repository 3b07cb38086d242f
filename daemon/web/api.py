"""The HTTP API of the console. Every route says who may call it; one that does not stops the start."""

import asyncio
from datetime import UTC, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, Strict, TypeAdapter, model_validator

from daemon.historian.trend import TrendQuery
from daemon.inbox import Operation, OperationKind
from daemon.latency import Report
from daemon.pipeline import View
from daemon.records import Audit, Receipt
from daemon.web.auth import Refusal, SignIn
from daemon.web.control import Control
from daemon.web.frames import array
from daemon.web.gate import MARK
from daemon.web.permission import ROLES, SECURE_COOKIE, Needs, Permission, Public, allowed, cookie_name
from daemon.web.said import ConsoleName, Perceived, Sound
from daemon.web.sessions import ABSOLUTE, Session, Sessions
from daemon.web.stream import Stream
from daemon.web.window import NOT_RECEIVING, Window
from estate.errors import TransportError
from estate.model import Clock, PointId
from rules.alarm import AlarmId
from rules.suppression import UNSUPPRESSED

_CONSOLE: TypeAdapter[str] = TypeAdapter(ConsoleName)
SHORT_SHELF = timedelta(minutes=30)
"""What an operator may shelve alone (reliability.md C, roles)."""
PLAN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Credentials(_Asked):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Deed(_Asked):
    """An operation on an alarm. `occurrence` is the one the operator saw: a newer one is not touched."""

    occurrence: Annotated[int, Field(ge=0)]
    note: Annotated[str, Field(max_length=500)] = ""


class Shelving(Deed):
    """To put an alarm aside, for so many `minutes` or `until` a time; one of the two."""

    minutes: Annotated[float, Field(gt=0, le=10080)] | None = None
    until: Annotated[AwareDatetime, Strict(False)] | None = None
    note: Annotated[str, Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.minutes is None) == (self.until is None):
            raise ValueError("give minutes or until")
        return self


class Removing(Deed):
    """To take an alarm out of service: reason and work order, and an end where one is known."""

    note: Annotated[str, Field(min_length=1, max_length=500)]
    order: Annotated[str, Field(min_length=1, max_length=100)]
    until: Annotated[AwareDatetime, Strict(False)] | None = None


class Silence(_Asked):
    """The tone of one console stopped, for the alarms that sounded then, or for the lost link."""

    alarms: Annotated[list[Annotated[tuple[str, int], Strict(False)]], Field(max_length=100)] = []


def add_api(
    api: APIRouter, control: Control, stream: Stream, sign_in: SignIn, sessions: Sessions, clock: Clock
) -> None:
    """Adds all routes under /api, the stream among them."""
    public = Depends(Public())

    def need(permission: Permission) -> Any:
        return Depends(Needs(permission, sessions, clock))

    signed_in, see, operate = need(Permission.SIGNED_IN), need(Permission.SEE), need(Permission.OPERATE)
    read_journal, service = need(Permission.READ_JOURNAL), need(Permission.SERVICE)

    def audit(request: Request, session: Session, action: str, target: str = "", detail: str = "") -> Audit:
        return Audit(clock.now().utc, session.user.id, console_of(request), action, target, detail)

    async def refuse_sign_in(refusal: Refusal, name: str, address: str, console: str) -> Response:
        if refusal.wait > 0:
            wait = int(refusal.wait) + 1
            answer = _refusal(HTTPStatus.TOO_MANY_REQUESTS, refusal.reason, wait=wait)
            answer.headers["retry-after"] = str(wait)
            return answer
        # what was typed as the name may be a password: only names that exist are recorded
        who = name if sign_in.knows(name) else "unknown"
        await control.record([Audit(clock.now().utc, who, console, "sign-in refused", address)])
        return _refusal(HTTPStatus.UNAUTHORIZED, refusal.reason)

    @api.get("/api/health", dependencies=[public])
    async def health() -> dict[str, str]:
        return {"status": "ok" if control.healthy() else "degraded", "version": control.version}

    @api.post("/api/login", dependencies=[public])
    async def login(request: Request, credentials: Credentials) -> Response:
        address = request.client.host if request.client else "unknown"
        console = console_of(request)
        answer = await sign_in.sign_in(credentials.name, credentials.password, address)
        if isinstance(answer, Refusal):
            return await refuse_sign_in(answer, credentials.name, address, console)
        await control.record([Audit(clock.now().utc, answer.user.id, console, "sign-in", address)])
        name = cookie_name(request)
        session = sessions.find(answer.token, clock.now().mono)
        accepted = JSONResponse(_session_facts(session, clock) if session else {})
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

    @api.post("/api/logout")
    async def logout(request: Request, session: Annotated[Session, signed_in]) -> Response:
        name = cookie_name(request)
        sessions.close(request.cookies[name])
        await control.record([audit(request, session, "sign-out")])
        answer = JSONResponse({})
        answer.delete_cookie(name, path="/", httponly=True, samesite="strict", secure=name == SECURE_COOKIE)
        return answer

    @api.get("/api/session", dependencies=[public])
    async def session_facts(request: Request) -> dict[str, Any] | None:
        """Who is signed in, null for nobody: the page asks before it knows."""
        session = sessions.find(request.cookies.get(cookie_name(request), ""), clock.now().mono)
        return _session_facts(session, clock) if session else None

    @api.get("/api/site", dependencies=[see])
    async def site() -> Response:
        return Response(control.site.body, media_type="application/json")

    @api.get("/api/plans/{plan}", dependencies=[see])
    async def plan_drawing(plan: str) -> Response:
        if plan not in control.site.plans:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        headers = {"content-security-policy": PLAN_POLICY, "cache-control": "private, max-age=300"}
        return FileResponse(control.site.plans[plan], media_type="image/svg+xml", headers=headers)

    @api.get("/api/procedures/{procedure}", dependencies=[see])
    async def procedure_text(procedure: str) -> Response:
        if procedure not in control.site.procedures:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return FileResponse(control.site.procedures[procedure], media_type="text/markdown; charset=utf-8")

    @api.get("/api/snapshot", dependencies=[see])
    async def snapshot() -> Response:
        return Response(stream.snapshot_frame().body, media_type="application/json")

    @api.get("/api/alarms", dependencies=[see])
    async def alarm_list(view: View = View.ALL) -> Response:
        return Response(array(control.alarm_list(view)), media_type="application/json")

    async def do(operation: Operation) -> Response:
        done = await control.operate(operation)
        return JSONResponse(
            {
                "alarm": done.alarm,
                "state": done.after.value,
                "by": done.by,
                "at": done.decided.isoformat(),
            }
            | ({} if done.suppression is UNSUPPRESSED else {"suppression": done.suppression.data()})
        )

    def changed(alarm: str, occurrence: int) -> Response | None:
        """The answer where the alarm is no longer the one the operator saw; it may be a normal one. 404 for none."""
        one = control.alarms.get(AlarmId(alarm))
        if one is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return None if one.occurrence == occurrence else _refusal(HTTPStatus.CONFLICT, "changed", by="")

    @api.post("/api/alarms/{alarm}/shelve")
    async def shelve(request: Request, alarm: str, deed: Shelving, session: Annotated[Session, operate]) -> Response:
        now = clock.now().utc
        until = deed.until.astimezone(UTC) if deed.until is not None else now + timedelta(minutes=deed.minutes or 0)
        if until - now > SHORT_SHELF and session.user.role not in ROLES[Permission.SHELVE_LONG]:
            raise HTTPException(HTTPStatus.FORBIDDEN, "not permitted")
        who, console = session.user.id, console_of(request)
        return changed(alarm, deed.occurrence) or await do(
            Operation(OperationKind.SHELVE, AlarmId(alarm), who, console, deed.note, until)
        )

    @api.post("/api/alarms/{alarm}/remove_from_service")
    async def remove_from_service(
        request: Request, alarm: str, deed: Removing, session: Annotated[Session, service]
    ) -> Response:
        until = deed.until.astimezone(UTC) if deed.until is not None else None
        kind, who, console = OperationKind.REMOVE_FROM_SERVICE, session.user.id, console_of(request)
        return changed(alarm, deed.occurrence) or await do(
            Operation(kind, AlarmId(alarm), who, console, deed.note, until, deed.order)
        )

    @api.post("/api/alarms/{alarm}/return_to_service")
    async def return_to_service(
        request: Request, alarm: str, deed: Deed, session: Annotated[Session, service]
    ) -> Response:
        kind, who, console = OperationKind.RETURN_TO_SERVICE, session.user.id, console_of(request)
        return changed(alarm, deed.occurrence) or await do(Operation(kind, AlarmId(alarm), who, console, deed.note))

    @api.post("/api/alarms/{alarm}/{kind}")
    async def alarm_operation(
        request: Request,
        alarm: str,
        kind: Literal["acknowledge", "unacknowledge", "reset", "unshelve"],
        deed: Deed,
        session: Annotated[Session, operate],
    ) -> Response:
        if AlarmId(alarm) not in control.alarms:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        asked = OperationKind(kind)
        if asked is OperationKind.UNSHELVE:
            if (answer := changed(alarm, deed.occurrence)) is not None:
                return answer
        else:
            standing = control.standing.get(AlarmId(alarm))
            if standing is None or standing.occurrence != deed.occurrence:
                return _refusal(HTTPStatus.CONFLICT, "changed", by=standing.by if standing else "")
            if asked is OperationKind.ACKNOWLEDGE and not standing.after.needs_acknowledge:
                return _refusal(HTTPStatus.CONFLICT, "already acknowledged", by=standing.by)
        return await do(Operation(asked, AlarmId(alarm), session.user.id, console_of(request), deed.note))

    @api.post("/api/silence")
    async def silence(request: Request, asked: Silence, session: Annotated[Session, operate]) -> dict[str, str]:
        target = " ".join(f"{alarm}#{occurrence}" for alarm, occurrence in asked.alarms) or "link lost"
        await control.record([audit(request, session, "silence", target[:2000])])
        return {}

    @api.get("/api/trend", dependencies=[see])
    async def trend(
        point: str, start: AwareDatetime, end: AwareDatetime, most: Annotated[int, Query(ge=2, le=5000)] = 1000
    ) -> Response:
        if PointId(point) not in control.site.points:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        try:
            query = TrendQuery(PointId(point), start.astimezone(UTC), end.astimezone(UTC), most)
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        try:
            buckets = await control.trend(query)
        except TransportError as error:
            return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        rows = [[one.time_ms, one.low, one.high, one.last, one.text, one.quality] for one in buckets]
        return JSONResponse({"point": point, "width_ms": query.width_ms, "buckets": rows})

    @api.get("/api/journal", dependencies=[read_journal])
    async def journal(
        kind: Literal["transition", "event", "step", "audit", "receipt"] = "transition",
        before: Annotated[int | None, Query(ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> list[dict[str, Any]]:
        return await asyncio.to_thread(control.newest, kind, limit, before)

    @api.get("/api/latency", dependencies=[see])
    async def latency() -> dict[str, float | int | None]:
        return dict(control.figures())

    @api.websocket("/api/stream")
    async def live(socket: WebSocket, session: Annotated[Session, see]) -> None:
        def audit_window(console: str, action: str, detail: str = "") -> Audit:
            return Audit(clock.now().utc, session.user.id, console, action, detail=detail)

        async def heard(console: str, message: Perceived | Sound) -> None:
            if isinstance(message, Sound):
                await control.record([audit_window(console, "console sound", message.state)])
                return
            known = [(AlarmId(alarm), n) for alarm, n in message.alarms if AlarmId(alarm) in control.alarms]
            if message.prompt:
                await control.report(console, [Report(message.kind, alarm, n) for alarm, n in known])
            elif known:
                at = clock.now().utc
                await control.record([Receipt(console, message.kind, alarm, n, at) for alarm, n in known])

        window = Window(socket, stream, session, clock, heard)
        if await window.run() == NOT_RECEIVING:
            await control.record([audit_window(window.console, "console not receiving")])


def console_of(request: Request) -> str:
    """The console's name from the mark every command carries; the gate has refused those without."""
    name = request.headers[MARK]
    try:
        return _CONSOLE.validate_python(name)
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"{MARK} is not a console's name") from None


def _refusal(status: HTTPStatus, error: str, **facts: str | int) -> JSONResponse:
    return JSONResponse({"error": error, **facts}, status)


def _session_facts(session: Session, clock: Clock) -> dict[str, Any]:
    user = session.user
    left = int(session.left(clock.now().mono))
    return {"user": user.id, "name": user.name, "role": user.role.value, "may": allowed(user.role), "left": left}

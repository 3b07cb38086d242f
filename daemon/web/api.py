"""What the console sees over HTTP: the site, the state, its past, and the live stream."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.websockets import WebSocket

from daemon.historian.trend import TrendQuery
from daemon.records import Audit
from daemon.web.assets import answer, asset
from daemon.web.call import Call, Instant, Query
from daemon.web.control import Control
from daemon.web.permission import Permission, may
from daemon.web.receipts import Receipts
from daemon.web.routes import Json, Routes, refusal
from daemon.web.sessions import WINDOWS_EACH, Session
from daemon.web.stream import Stream
from daemon.web.window import NOT_RECEIVING, Window
from estate.errors import TransportError
from estate.model import Clock, PointId

PLAN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class Span(Query):
    """A trend of one point, in `most` buckets at most."""

    point: str
    start: Instant
    end: Instant
    most: Annotated[int, Field(ge=2, le=5000)] = 1000


class Rows(Query):
    """Rows of the journal, newest first, from those below position `before` on."""

    kind: Literal["transition", "event", "step", "audit", "receipt"] = "transition"
    before: Annotated[int, Field(ge=0, le=2**62)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


def add_api(api: Routes, control: Control, stream: Stream, clock: Clock) -> None:
    """Adds the routes."""

    @api.get("/api/health", Permission.PUBLIC)
    async def health(_: Call) -> Response:
        return Json({"status": "ok" if control.healthy() else "degraded", "version": control.version})

    @api.get("/api/site", Permission.SEE)
    async def site(_: Call) -> Response:
        return Response(control.site.body, media_type="application/json")

    @api.get("/api/plans/{plan}", Permission.SEE)
    async def plan_drawing(call: Call) -> Response:
        drawing = asset(await _read(control.site.plans.get(call.path["plan"])), "image/svg+xml")
        headers = {"content-security-policy": PLAN_POLICY, "cache-control": "private, max-age=300"}
        return answer(call.request, drawing, headers)

    @api.get("/api/procedures/{procedure}", Permission.SEE)
    async def procedure_text(call: Call) -> Response:
        text = await _read(control.site.procedures.get(call.path["procedure"]))
        return Response(text, media_type="text/markdown; charset=utf-8")

    @api.get("/api/snapshot", Permission.SEE)
    async def snapshot(call: Call) -> Response:
        return Response(stream.body_for(call.session, stream.snapshot_frame()), media_type="application/json")

    @api.get("/api/trend", Permission.SEE)
    async def trend(call: Call) -> Response:
        asked = call.query(Span)
        if PointId(asked.point) not in control.site.points:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if asked.start >= asked.end:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "a trend begins before it ends")
        query = TrendQuery(PointId(asked.point), asked.start, asked.end, asked.most)
        try:
            buckets = await control.trend(query)
        except TransportError as error:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        rows = [[one.time_ms, one.low, one.high, one.last, one.text, one.quality] for one in buckets]
        if asked.point in control.personal.points and not may(call.session, Permission.OPERATE):
            rows = [[time, None, None, None, None, quality] for time, *_, quality in rows]
        return Json({"point": asked.point, "width_ms": query.width_ms, "buckets": rows})

    @api.get("/api/journal", Permission.READ_JOURNAL)
    async def journal(call: Call) -> Response:
        asked = call.query(Rows)

        def read() -> list[dict[str, Any]]:
            rows = control.newest(asked.kind, asked.limit, asked.before)
            if not may(call.session, Permission.OPERATE):
                control.personal.journal(asked.kind, rows)
            return rows

        return Json(await asyncio.to_thread(read))

    @api.get("/api/latency", Permission.SEE)
    async def latency(_: Call) -> Response:
        return Json(dict(control.figures()))

    receipts = Receipts(control, clock)

    @api.socket("/api/stream", Permission.SEE)
    async def live(socket: WebSocket, session: Session) -> None:
        if session.windows >= WINDOWS_EACH or not stream.has_room(session):
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "too many windows")
        window = Window(socket, stream, session, clock, receipts.heard, api.names)
        if await window.run() == NOT_RECEIVING and may(session, Permission.OPERATE):
            gone = Audit(clock.now().utc, session.user.id, window.console, "console not receiving")
            await control.record([gone])


async def _read(file: Path | None) -> bytes:
    """A plan or procedure as it is now; 404 where the site has none or it was taken away."""
    if file is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    try:
        return await asyncio.to_thread(file.read_bytes)
    except FileNotFoundError:
        raise HTTPException(HTTPStatus.NOT_FOUND) from None

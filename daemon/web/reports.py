"""What the console asks about alarms that are over: why one came or did not, and the figures of a period."""

import asyncio
from datetime import datetime, timedelta, tzinfo
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from daemon import explain
from daemon.explain.document import document
from daemon.explain.explainer import UnknownAlarm
from daemon.web.call import Call, Instant, Query
from daemon.web.permission import Permission, may
from daemon.web.personal import Personal
from daemon.web.routes import Json, Routes, refusal
from estate.errors import TransportError
from estate.model import Clock
from rules.alarm import AlarmId

LONGEST = timedelta(days=93)  # of a report: a quarter
LONGEST_WAIT = 20.0  # s: then the console hears that it was too much


class Moment(Query):
    at: Instant | None = None


class Period(Query):
    """`shift` as in 08:00,20:00, in the site's zone."""

    start: Annotated[Instant, Field(alias="from")]
    end: Annotated[Instant, Field(alias="to")]
    shift: Annotated[str, Field(max_length=100)] = ""


def add_reports(
    api: Routes, explainer: explain.Explainer, journal: Path, zone: tzinfo, clock: Clock, hides: Personal
) -> None:
    """Adds the routes. Reading is done in threads over connections of their own, one report at a time."""
    turn = asyncio.Semaphore(1)

    @api.get("/api/alarms/{alarm}/explain", Permission.SEE)
    async def why(call: Call) -> Response:
        """Now, or at a moment that has passed. 503 when the history cannot be read."""
        moment = call.query(Moment).at
        if call.path["alarm"] in hides.explained and not may(call.session, Permission.OPERATE):
            raise HTTPException(HTTPStatus.FORBIDDEN, "not permitted")
        if moment is not None and moment > clock.now().utc:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "that moment is still to come")
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                found = await explainer.explain(AlarmId(call.path["alarm"]), moment)
        except UnknownAlarm as unknown:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such alarm") from unknown
        except (TransportError, TimeoutError) as error:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error) or "took too long")
        return Json(document(found, zone))

    @api.get("/api/kpi", Permission.READ_JOURNAL)
    async def figures(call: Call) -> Response:
        """Of at most a quarter."""
        asked = call.query(Period)
        start, end = asked.start, asked.end
        if end - start > LONGEST:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"at most {LONGEST.days} days at a time")
        try:
            async with turn:
                return Json(await asyncio.to_thread(_figures, journal, start, end, asked.shift, zone))
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "no such period or shift") from error
        except TransportError as error:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error))


def _figures(journal: Path, start: datetime, end: datetime, shift: str, zone: tzinfo) -> dict[str, Any]:
    from daemon import kpi
    from daemon.kpi.document import document

    return document(kpi.kpi(journal, start, end, kpi.Shifts.parse(shift, zone)))

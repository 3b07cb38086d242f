"""What the meters counted, over HTTP: totals by day and month, main against the rest, the yield in money."""

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from daemon.consumption.document import document
from daemon.consumption.meters import Meters
from daemon.consumption.report import By, build
from daemon.consumption.totals import Source
from daemon.web.call import Call, Day, Query
from daemon.web.permission import Permission
from daemon.web.routes import Json, Routes, refusal
from estate.errors import TransportError
from estate.model import Clock

LONGEST = {By.DAY: timedelta(days=93), By.MONTH: timedelta(days=5 * 366)}
LONGEST_WAIT = 60.0  # s: a month of two hundred meters out of the history is read in less


class Time(Query):
    """Days in the estate's own zone, both included; without them the last seven, or this month and the one before."""

    by: By = By.DAY
    first: Annotated[Day | None, Field(alias="from")] = None
    last: Annotated[Day | None, Field(alias="to")] = None


def add_meter_api(api: Routes, source: Source, meters: Meters, clock: Clock) -> None:
    """Adds the route. One report at a time."""
    turn = asyncio.Semaphore(1)

    @api.get("/api/meters", Permission.SEE)
    async def counted(call: Call) -> Response:
        """503 when the history cannot be read: a gap is told, never left out."""
        asked = call.query(Time)
        now = clock.now().utc
        today = now.astimezone(source.zone).date()
        last = asked.last or today
        back = timedelta(days=6) if asked.by is By.DAY else timedelta(days=last.day)
        first = asked.first or last - back
        if first > last or last - first > LONGEST[asked.by]:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"at most {LONGEST[asked.by].days} days, in order")
        if first > today:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "that day is still to come")
        try:
            async with asyncio.timeout(LONGEST_WAIT), turn:
                report = await build(source, meters, asked.by, first, last, now)
        except (TransportError, TimeoutError) as error:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error) or "took too long")
        return Json(document(report))

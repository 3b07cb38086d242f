"""What the console asks about alarms that are over: why one came or did not, and the figures of a period."""

import asyncio
from datetime import UTC, timedelta, tzinfo
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from daemon import explain, kpi
from daemon.explain.document import document as explanation_document
from daemon.explain.explainer import UnknownAlarm
from daemon.kpi.document import document as figures_document
from daemon.web.permission import Needs, Permission
from daemon.web.sessions import Sessions
from estate.errors import TransportError
from estate.model import Clock
from rules.alarm import AlarmId

LONGEST = timedelta(days=93)  # of a report: a quarter
LONGEST_WAIT = 20.0  # s: then the console hears that it was too much


def add_reports(
    api: APIRouter, explainer: explain.Explainer, journal: Path, zone: tzinfo, sessions: Sessions, clock: Clock
) -> None:
    """Adds the routes. Reading is done in threads over connections of their own, one report at a time."""

    def need(permission: Permission) -> Any:
        return Depends(Needs(permission, sessions, clock))

    see, read_journal = need(Permission.SEE), need(Permission.READ_JOURNAL)
    turn = asyncio.Semaphore(1)

    @api.get("/api/alarms/{alarm}/explain", dependencies=[see])
    async def why(alarm: str, at: AwareDatetime | None = None) -> JSONResponse:
        """Now, or at a moment that has passed. 503 when the history cannot be read."""
        moment = at.astimezone(UTC) if at is not None else None
        if moment is not None and moment > clock.now().utc:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "that moment is still to come")
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                found = await explainer.explain(AlarmId(alarm), moment)
        except UnknownAlarm as unknown:
            raise HTTPException(HTTPStatus.NOT_FOUND, str(unknown)) from None
        except (TransportError, TimeoutError) as error:
            return JSONResponse({"error": str(error) or "took too long"}, HTTPStatus.SERVICE_UNAVAILABLE)
        return JSONResponse(explanation_document(found, zone))

    @api.get("/api/kpi", dependencies=[read_journal])
    async def figures(
        start: Annotated[AwareDatetime, Query(alias="from")],
        end: Annotated[AwareDatetime, Query(alias="to")],
        shift: Annotated[str, Query(max_length=100)] = "",
    ) -> JSONResponse:
        """Of at most a quarter; `shift` as in 08:00,20:00, in the site's zone."""
        if end - start > LONGEST:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"at most {LONGEST.days} days at a time")
        try:
            shifts = kpi.Shifts.parse(shift, zone)
            async with turn:
                report = await asyncio.to_thread(kpi.kpi, journal, start.astimezone(UTC), end.astimezone(UTC), shifts)
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        return JSONResponse(figures_document(report))

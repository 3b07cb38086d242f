"""What an operator does to alarms over HTTP; every deed names the occurrence that was seen."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from starlette.exceptions import HTTPException
from starlette.responses import Response

from daemon.inbox import Operation, OperationKind
from daemon.pipeline import View
from daemon.records import Audit
from daemon.web.call import Asked, Call, Instant, Query
from daemon.web.control import Control
from daemon.web.frames import array
from daemon.web.permission import Permission, may
from daemon.web.routes import Json, Routes, refusal
from daemon.web.said import AlarmName, Count
from estate.model import Clock
from rules.alarm import AlarmId
from rules.refusal import AlarmRefused, Refusal
from rules.suppression import UNSUPPRESSED

SHORT_SHELF = timedelta(minutes=30)
"""What an operator may shelve alone (reliability.md C, roles): of one occurrence in all, however often renewed."""
PLAIN = (OperationKind.ACKNOWLEDGE, OperationKind.UNACKNOWLEDGE, OperationKind.RESET, OperationKind.UNSHELVE)
"""The operations that ask for nothing beside the occurrence."""


class Listed(Query):
    view: View = View.ALL


class Deed(Asked):
    """An operation on an alarm. `occurrence` is the one the operator saw: a newer one is not touched."""

    occurrence: Count
    note: Annotated[str, Field(max_length=500)] = ""


class Shelving(Deed):
    """To put an alarm aside, for so many `minutes` or `until` a time; one of the two."""

    minutes: Annotated[float, Field(gt=0, le=10080)] | None = None
    until: Instant | None = None
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
    until: Instant | None = None


class Silence(Asked):
    """The tone of one console stopped, for the alarms that sounded then, or for the lost link."""

    alarms: Annotated[tuple[tuple[AlarmName, Count], ...], Field(max_length=100)] = ()


def add_alarm_api(api: Routes, control: Control, clock: Clock) -> None:
    """Adds the routes. An answer 409 says that the alarm is no longer as it was seen."""

    @api.get("/api/alarms", Permission.SEE)
    async def alarm_list(call: Call) -> Response:
        rows = array(control.alarm_list(call.query(Listed).view))
        if not may(call.session, Permission.OPERATE):
            rows = control.personal.alarms(rows)
        return Response(rows, media_type="application/json")

    async def do(
        call: Call, kind: OperationKind, alarm: AlarmId, deed: Deed, until: datetime | None = None, order: str = ""
    ) -> Response:
        who, seen = call.session.user.id, deed.occurrence
        try:
            done = await control.operate(
                Operation(kind, alarm, who, call.console, deed.note, until, order, occurrence=seen)
            )
        except AlarmRefused as refused:
            if refused.why is not Refusal.CHANGED:
                raise
            standing = control.standing.get(alarm)
            return refusal(HTTPStatus.CONFLICT, "changed", by=standing.by if standing else "")
        document: dict[str, Any] = {
            "alarm": done.alarm,
            "state": done.after.value,
            "by": done.by,
            "at": done.decided.isoformat(),
        }
        if done.suppression is not UNSUPPRESSED:
            document["suppression"] = done.suppression.data()
        return Json(document)

    def changed(alarm: AlarmId, occurrence: int) -> Response | None:
        """The answer where the alarm is no longer the one the operator saw; it may be a normal one. 404 for none."""
        one = control.alarms.get(alarm)
        if one is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return None if one.occurrence == occurrence else refusal(HTTPStatus.CONFLICT, "changed", by="")

    @api.post("/api/alarms/{alarm}/shelve", Permission.OPERATE)
    async def shelve(call: Call) -> Response:
        alarm, deed, now = AlarmId(call.path["alarm"]), await call.body(Shelving), clock.now().utc
        until = deed.until or now + timedelta(minutes=deed.minutes or 0)
        if (answer := changed(alarm, deed.occurrence)) is not None:
            return answer
        first = control.first_shelved(alarm) or now
        if until - first > SHORT_SHELF and not may(call.session, Permission.SHELVE_LONG):
            return refusal(HTTPStatus.FORBIDDEN, "shelved for long enough", since=first.isoformat())
        return await do(call, OperationKind.SHELVE, alarm, deed, until)

    @api.post("/api/alarms/{alarm}/remove_from_service", Permission.SERVICE)
    async def remove_from_service(call: Call) -> Response:
        alarm, deed = AlarmId(call.path["alarm"]), await call.body(Removing)
        kind = OperationKind.REMOVE_FROM_SERVICE
        return changed(alarm, deed.occurrence) or await do(call, kind, alarm, deed, deed.until, deed.order)

    @api.post("/api/alarms/{alarm}/return_to_service", Permission.SERVICE)
    async def return_to_service(call: Call) -> Response:
        alarm, deed = AlarmId(call.path["alarm"]), await call.body(Deed)
        return changed(alarm, deed.occurrence) or await do(call, OperationKind.RETURN_TO_SERVICE, alarm, deed)

    @api.post("/api/alarms/{alarm}/{kind}", Permission.OPERATE)
    async def operate(call: Call) -> Response:
        kind, alarm, deed = call.chosen("kind", PLAIN), AlarmId(call.path["alarm"]), await call.body(Deed)
        if alarm not in control.alarms:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if kind is OperationKind.UNSHELVE:
            if (answer := changed(alarm, deed.occurrence)) is not None:
                return answer
        else:
            standing = control.standing.get(alarm)
            if standing is None or standing.occurrence != deed.occurrence:
                return refusal(HTTPStatus.CONFLICT, "changed", by=standing.by if standing else "")
            if kind is OperationKind.ACKNOWLEDGE and not standing.after.needs_acknowledge:
                return refusal(HTTPStatus.CONFLICT, "already acknowledged", by=standing.by)
        return await do(call, kind, alarm, deed)

    @api.post("/api/silence", Permission.OPERATE)
    async def silence(call: Call) -> Response:
        asked = await call.body(Silence)
        named = [f"{alarm}#{occurrence}" for alarm, occurrence in asked.alarms if AlarmId(alarm) in control.alarms]
        if asked.alarms and not named:
            return Json({})
        target = " ".join(named) or "link lost"
        who = call.session.user.id
        await control.record([Audit(clock.now().utc, who, call.console, "silence", target[:2000])])
        return Json({})

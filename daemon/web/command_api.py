"""Commands to equipment over HTTP: what may be done, do it with a reason, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from daemon.actions import Actions, Command
from daemon.ledger import Entry, UnknownCommand
from daemon.orders import NotAllowed, Order
from daemon.web.api import console_of
from daemon.web.permission import Needs, Permission
from daemon.web.sessions import Session, Sessions
from estate.model import Clock, EquipmentId
from estate.people import Role
from estate.strict import Text

CommandId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$")]


class Wanted(BaseModel):
    """What a person asks for. `id` is chosen by the console: sent again, it changes nothing. `minutes`: how long."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: CommandId
    reason: Annotated[str, Field(min_length=2, max_length=300, pattern=r"\S")]
    minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60)] | None = None


def add_command_api(
    api: APIRouter,
    actions: Actions,
    groups: Mapping[str, Sequence[EquipmentId]],
    sessions: Sessions,
    clock: Clock,
) -> None:
    """Adds the routes. `groups` are equipment that is commanded together."""

    def need(permission: Permission) -> Any:
        return Depends(Needs(permission, sessions, clock))

    see, operate = need(Permission.SEE), need(Permission.OPERATE)

    @api.get("/api/equipment/{equipment}/commands", dependencies=[see])
    async def offered(equipment: str) -> list[dict[str, Any]]:
        """Every command of an equipment, and why it could not be given now, if so."""
        return [_offer(name, one, actions) for name, one in actions.orders.of(EquipmentId(equipment)).items()]

    @api.post("/api/equipment/{equipment}/commands/{name}")
    async def give(
        request: Request, equipment: str, name: str, wanted: Wanted, session: Annotated[Session, operate]
    ) -> JSONResponse:
        command = _command(EquipmentId(equipment), name, wanted, session, request)
        try:
            entry = await actions.give(command)
        except NotAllowed as refusal:
            return JSONResponse({"id": wanted.id} | _refused(refusal.why), HTTPStatus.CONFLICT)
        return JSONResponse(_told(entry), HTTPStatus.ACCEPTED)

    @api.post("/api/groups/{group}/commands/{name}")
    async def give_group(
        request: Request, group: str, name: str, wanted: Wanted, session: Annotated[Session, operate]
    ) -> JSONResponse:
        """The same command for every member of a group; each has an id of its own and its own answer."""
        members = groups.get(group)
        if members is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        answers: list[dict[str, Any]] = []
        commands = [
            _command(one, name, wanted.model_copy(update={"id": f"{wanted.id}.{one}"}), session, request)
            for one in members
        ]
        for command in commands:
            try:
                answers.append(_told(await actions.give(command)))
            except NotAllowed as refusal:
                answers.append({"id": command.id, "equipment": command.target} | _refused(refusal.why))
        return JSONResponse({"id": wanted.id, "group": group, "commands": answers}, HTTPStatus.ACCEPTED)

    @api.get("/api/commands/{command}", dependencies=[see])
    async def became(command: str) -> dict[str, Any]:
        try:
            return _told(await actions.ledger.find(command))
        except UnknownCommand:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None

    def _command(target: EquipmentId, name: str, wanted: Wanted, session: Session, request: Request) -> Command:
        order = actions.orders.of(target).get(name)
        if order is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        minutes = wanted.minutes
        if isinstance(order, Order):
            if order.command.role == "supervisor" and session.user.role is not Role.SUPERVISOR:
                raise HTTPException(HTTPStatus.FORBIDDEN, "not permitted")
            if minutes is None and order.command.ends_with is not None and order.longest is not None:
                minutes = order.longest / 60
        until = None if minutes is None else clock.now().utc + timedelta(minutes=minutes)
        console = console_of(request)
        user = session.user.id
        return Command(wanted.id, target, name, user, wanted.reason, console, until=until, by_hand=True)


def _offer(name: str, order: Order | Text, actions: Actions) -> dict[str, Any]:
    if isinstance(order, Text):
        return {"name": name, "allowed": False, "why": _words(order)}
    why = actions.allowed(order)
    return {
        "name": name,
        "label": _words(order.command.name),
        "role": order.command.role,
        "two_step": order.command.two_step,
        "pulse": order.command.pulse,
        "longest": order.longest,
        "allowed": why is None,
        "why": _words(why) if why is not None else None,
    }


def _told(entry: Entry) -> dict[str, Any]:
    """`ms` counts from the request."""
    until = entry.until
    return {
        "id": entry.command,
        "equipment": entry.target,
        "command": entry.action,
        "state": entry.state.value,
        "until": until.isoformat() if until is not None else None,
        "steps": [
            {"step": one.step, "at": one.at.isoformat(), "ms": round(entry.took(one), 3), "detail": one.detail}
            for one in entry.steps
        ],
    }


def _refused(why: Text) -> dict[str, Any]:
    return {"state": "refused", "error": "refused", "why": _words(why)}


def _words(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}

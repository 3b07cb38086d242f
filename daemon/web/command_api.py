"""Commands to equipment over HTTP: what may be done, do it with a reason, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from daemon.actions import Actions, Command
from daemon.ledger import Entry, UnknownCommand
from daemon.orders import NotAllowed, Order
from daemon.web.call import Asked, Call
from daemon.web.permission import Permission
from daemon.web.routes import Json, Routes
from daemon.web.two_step import WITHIN, confirmation, confirms
from estate.model import Clock, EquipmentId
from estate.people import Role
from estate.strict import Text

CommandId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$")]


class Wanted(Asked):
    """What a person asks for. `id` is chosen by the console: sent again, it changes nothing. `minutes`: how long.
    `confirm` is what the first step of a two-step command was answered with."""

    id: CommandId
    reason: Annotated[str, Field(min_length=2, max_length=300, pattern=r"\S")]
    minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60)] | None = None
    confirm: Annotated[str, Field(max_length=100)] = ""


def add_command_api(api: Routes, actions: Actions, groups: Mapping[str, Sequence[EquipmentId]], clock: Clock) -> None:
    """Adds the routes. `groups` are equipment that is commanded together."""

    @api.get("/api/equipment/{equipment}/commands", Permission.SEE)
    async def offered(call: Call) -> Response:
        """Every command of an equipment, and why it could not be given now, if so."""
        equipment = EquipmentId(call.path["equipment"])
        return Json([_offer(name, one, actions) for name, one in actions.orders.of(equipment).items()])

    @api.post("/api/equipment/{equipment}/commands/{name}", Permission.OPERATE)
    async def give(call: Call) -> Response:
        wanted = await call.body(Wanted)
        command = _command(call, EquipmentId(call.path["equipment"]), wanted)
        if (first := await asked_again(call, wanted, [command])) is not None:
            return first
        try:
            entry = await actions.give(command)
        except NotAllowed as refused:
            return Json({"id": wanted.id} | _refused(refused.why), HTTPStatus.CONFLICT)
        return Json(_told(entry), HTTPStatus.ACCEPTED)

    @api.post("/api/groups/{group}/commands/{name}", Permission.OPERATE)
    async def give_group(call: Call) -> Response:
        """The same command for every member of a group; each has an id of its own and its own answer."""
        wanted, group = await call.body(Wanted), call.path["group"]
        members = groups.get(group)
        if members is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        answers: list[dict[str, Any]] = []
        commands = [_command(call, one, wanted.model_copy(update={"id": f"{wanted.id}.{one}"})) for one in members]
        if (first := await asked_again(call, wanted, commands)) is not None:
            return first
        for command in commands:
            try:
                answers.append(_told(await actions.give(command)))
            except NotAllowed as refused:
                answers.append({"id": command.id, "equipment": command.target} | _refused(refused.why))
        return Json({"id": wanted.id, "group": group, "commands": answers}, HTTPStatus.ACCEPTED)

    @api.get("/api/commands/{command}", Permission.SEE)
    async def became(call: Call) -> Response:
        try:
            return Json(_told(await actions.ledger.find(call.path["command"])))
        except UnknownCommand:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None

    async def asked_again(call: Call, wanted: Wanted, commands: Sequence[Command]) -> Response | None:
        """The answer to the first step of what asks for two: nothing was done yet. None: go on. What would be
        refused at this moment is refused at once, and what was given already only tells its state."""
        weighty = [one for one in commands if _two_step(one)]
        if not weighty:
            return None
        about, now = f"{call.request.url.path} {wanted.id} {wanted.minutes}", clock.now().mono
        if confirms(call.session, about, wanted.confirm, now) or all([await given(one) for one in commands]):
            return None
        confirm = confirmation(call.session, about, now)
        facts = {"id": wanted.id, "error": "confirm", "confirm": confirm, "within": WITHIN}
        return Json(facts | {"equipment": [one.target for one in weighty]}, HTTPStatus.PRECONDITION_REQUIRED)

    async def given(command: Command) -> bool:
        try:
            await actions.ledger.find(command.id)
        except UnknownCommand:
            return False
        return True

    def _two_step(command: Command) -> bool:
        order = actions.orders.of(command.target).get(command.action)
        return isinstance(order, Order) and order.command.two_step and actions.allowed(order) is None

    def _command(call: Call, target: EquipmentId, wanted: Wanted) -> Command:
        name, user = call.path["name"], call.session.user
        order = actions.orders.of(target).get(name)
        if order is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        minutes = wanted.minutes
        if isinstance(order, Order):
            if order.command.role == "supervisor" and user.role is not Role.SUPERVISOR:
                raise HTTPException(HTTPStatus.FORBIDDEN, "not permitted")
            if minutes is None and order.command.ends_with is not None and order.longest is not None:
                minutes = order.longest / 60
        until = None if minutes is None else clock.now().utc + timedelta(minutes=minutes)
        return Command(wanted.id, target, name, user.id, wanted.reason, call.console, until=until, by_hand=True)


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

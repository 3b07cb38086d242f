"""The card workstation over HTTP: cards, changes to them, and the reads at the doors as they come."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from daemon.cards import CardAction, CardKind, CardRefused, Cards, CardState, state_of
from daemon.records import CardChange
from daemon.web.call import Asked, Call, Instant, Query
from daemon.web.permission import Permission
from daemon.web.routes import Json, Routes, refusal
from estate.model import Clock, Event
from estate.strict import Id

Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._-]{2,63}$")]
"""Of the access system: never a name, never the number printed on a card."""
Reason = Annotated[str, Field(min_length=2, max_length=300, pattern=r"\S")]
READS = ("access.granted", "access.taken", "access.not_taken", "access.denied", "access.duress")

Reads = Callable[[Sequence[str], int], list[Event]]
"""The newest events of these types, newest first; blocks."""


MARKINGS = (CardAction.REVOKE, CardAction.LOST, CardAction.RESTORE)
"""What is done to a card with a reason and nothing else."""


class Issue(Asked):
    """A new card or pass."""

    card: Reference
    kind: CardKind
    holder: Reference
    household: Id | None = None
    doors: Annotated[tuple[Id, ...], Field(max_length=200)] = ()
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    reason: Reason


class Grant(Asked):
    """Other doors, or another time, for a card that exists."""

    doors: Annotated[tuple[Id, ...], Field(max_length=200)]
    valid_until: Instant | None = None
    reason: Reason


class Deed(Asked):
    reason: Reason


class Wanted(Query):
    """Which cards."""

    state: CardState | None = None
    kind: CardKind | None = None
    limit: Annotated[int, Field(ge=1, le=5000)] = 500


class Newest(Query):
    limit: Annotated[int, Field(ge=1, le=500)] = 50


def add_card_api(api: Routes, cards: Cards, doors: frozenset[str], reads: Reads, clock: Clock) -> None:
    """Adds the routes. `doors` are the equipment of class door."""

    async def make(call: Call, action: CardAction, card: str, asked: Asked) -> Response:
        now = clock.now().utc
        told = asked.model_dump()
        unknown = set(told.get("doors", ())) - doors  # ids by their type: nothing hostile comes back
        if unknown:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"no such doors: {', '.join(sorted(unknown))}")
        wanted = CardChange(
            card, action, now, call.session.user.id, call.console,
            told.get("kind", ""), told.get("holder", ""), told.get("household") or "", tuple(told.get("doors", ())),
            told.get("valid_from") or now, told.get("valid_until"), told["reason"],
        )  # fmt: skip
        try:
            made = await cards.change(wanted)
        except CardRefused as refused:
            return refusal(HTTPStatus.CONFLICT, "refused", reason=refused.why.value)
        return Json(_card(made, now))

    @api.get("/api/cards", Permission.OPERATE)
    async def listed(call: Call) -> Response:
        asked, now = call.query(Wanted), clock.now().utc
        of_kind = (card for card in cards.all.values() if asked.kind is None or card.kind == asked.kind)
        found = [card for card in of_kind if asked.state is None or state_of(card, now) is asked.state]
        return Json([_card(card, now) for card in found[: asked.limit]])

    @api.get("/api/cards/reads", Permission.OPERATE)
    async def read_at_the_doors(call: Call) -> Response:
        """The newest reads, each with what is known of its card."""
        events = await asyncio.to_thread(reads, READS, call.query(Newest).limit)
        return Json([_read(event, cards) for event in events])

    @api.post("/api/cards", Permission.OPERATE)
    async def issue(call: Call) -> Response:
        asked = await call.body(Issue)
        return await make(call, CardAction.ISSUE, asked.card, asked)

    @api.post("/api/cards/{card}/grant", Permission.OPERATE)
    async def grant(call: Call) -> Response:
        return await make(call, CardAction.GRANT, call.path["card"], await call.body(Grant))

    @api.post("/api/cards/{card}/{action}", Permission.OPERATE)
    async def mark(call: Call) -> Response:
        return await make(call, call.chosen("action", MARKINGS), call.path["card"], await call.body(Deed))


def _card(card: CardChange, now: datetime) -> dict[str, Any]:
    return {
        "card": card.card,
        "state": state_of(card, now).value,
        "kind": card.kind,
        "holder": card.holder,
        "household": card.household or None,
        "doors": list(card.doors),
        "valid_from": card.valid_from.isoformat(),
        "valid_until": card.valid_until.isoformat() if card.valid_until else None,
        "last": {"action": card.action, "at": card.at.isoformat(), "by": card.by, "reason": card.reason},
    }


def _read(event: Event, cards: Cards) -> dict[str, Any]:
    credential = event.data.get("credential")
    reference = str(credential.get("ref", "")) if isinstance(credential, dict) else ""
    card = cards.all.get(reference)
    at = event.at or event.rx
    return {
        "device": event.device,
        "type": event.type,
        "at": at.isoformat(),
        "historic": event.historic,
        "reason": event.data.get("reason"),
        "card": reference or None,
        "kind": card.kind if card else None,
        "holder": card.holder if card else None,
        "state_then": state_of(card, at).value if card else None,
        "data": dict(event.data),
    }

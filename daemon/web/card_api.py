"""The card workstation over HTTP: cards, changes to them, and the reads at the doors as they come."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from daemon.cards import CardAction, CardKind, CardRefused, Cards, CardState, state_of
from daemon.records import CardChange
from daemon.web.api import console_of
from daemon.web.permission import Needs, Permission
from daemon.web.sessions import Session, Sessions
from estate.model import Clock, Event
from estate.strict import Id

Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._-]{2,63}$")]
"""Of the access system: never a name, never the number printed on a card."""
Reason = Annotated[str, Field(min_length=2, max_length=300, pattern=r"\S")]
Moment = Annotated[AwareDatetime, Field(strict=False)]
"""ISO 8601 with its zone."""
READS = ("access.granted", "access.taken", "access.not_taken", "access.denied", "access.duress")

Reads = Callable[[Sequence[str], int], list[Event]]
"""The newest events of these types, newest first; blocks."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Issue(_Asked):
    """A new card or pass."""

    card: Reference
    kind: Annotated[CardKind, Field(strict=False)]
    holder: Reference
    household: Id | None = None
    doors: Annotated[tuple[Id, ...], Field(strict=False, max_length=200)] = ()
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    reason: Reason


class Grant(_Asked):
    """Other doors, or another time, for a card that exists."""

    doors: Annotated[tuple[Id, ...], Field(strict=False, max_length=200)]
    valid_until: Moment | None = None
    reason: Reason


class Deed(_Asked):
    reason: Reason


def add_card_api(
    api: APIRouter, cards: Cards, doors: frozenset[str], reads: Reads, sessions: Sessions, clock: Clock
) -> None:
    """Adds the routes. `doors` are the equipment of class door."""
    operate = Depends(Needs(Permission.OPERATE, sessions, clock))

    async def make(request: Request, session: Session, action: CardAction, card: str, asked: _Asked) -> JSONResponse:
        now = clock.now().utc
        told = asked.model_dump()
        unknown = set(told.get("doors", ())) - doors
        if unknown:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"no such doors: {', '.join(sorted(unknown))}")
        wanted = CardChange(
            card, action, now, session.user.id, console_of(request),
            told.get("kind", ""), told.get("holder", ""), told.get("household") or "", tuple(told.get("doors", ())),
            _utc(told.get("valid_from")) or now, _utc(told.get("valid_until")), told["reason"],
        )  # fmt: skip
        try:
            made = await cards.change(wanted)
        except CardRefused as refusal:
            return JSONResponse({"error": "refused", "reason": refusal.why.value}, HTTPStatus.CONFLICT)
        return JSONResponse(_card(made, now))

    @api.get("/api/cards", dependencies=[operate])
    async def listed(
        state: CardState | None = None,
        kind: CardKind | None = None,
        limit: Annotated[int, Query(ge=1, le=5000)] = 500,
    ) -> list[dict[str, Any]]:
        now = clock.now().utc
        found = (card for card in cards.all.values() if kind is None or card.kind == kind)
        return [_card(card, now) for card in found if state is None or state_of(card, now) is state][:limit]

    @api.get("/api/cards/reads", dependencies=[operate])
    async def read_at_the_doors(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[dict[str, Any]]:
        """The newest reads, each with what is known of its card."""
        now = clock.now().utc
        events = await asyncio.to_thread(reads, READS, limit)
        return [_read(event, cards, now) for event in events]

    @api.post("/api/cards")
    async def issue(request: Request, asked: Issue, session: Annotated[Session, operate]) -> JSONResponse:
        return await make(request, session, CardAction.ISSUE, asked.card, asked)

    @api.post("/api/cards/{card}/grant")
    async def grant(request: Request, card: str, asked: Grant, session: Annotated[Session, operate]) -> JSONResponse:
        return await make(request, session, CardAction.GRANT, card, asked)

    @api.post("/api/cards/{card}/{action}")
    async def act(
        request: Request,
        card: str,
        action: Literal["revoke", "lost", "restore"],
        asked: Deed,
        session: Annotated[Session, operate],
    ) -> JSONResponse:
        return await make(request, session, CardAction(action), card, asked)


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


def _read(event: Event, cards: Cards, now: datetime) -> dict[str, Any]:
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
        "data": json.loads(json.dumps(dict(event.data))),
    }


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)

"""Access cards and passes: what each may do, by the changes made to it; who refused what stands in the journal.

A card is known by a reference of the access system, so that it can be issued, revoked and reported lost without
the card at hand. The controllers at the doors are told by their own system; here is the record of what holds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from daemon.records import CardChange, Record
from estate.errors import CommandRefused

LONGEST = {"tenant": timedelta(days=2 * 366), "visitor": timedelta(days=7)}
"""How long a temporary pass may be valid; residents' cards have no end."""


class CardKind(StrEnum):
    """Who holds it. Tenants have a temporary pass, visitors a registered one, both with an end."""

    RESIDENT = "resident"
    TENANT = "tenant"
    VISITOR = "visitor"


class CardState(StrEnum):
    NOT_YET = "not yet valid"
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    LOST = "lost"


class CardAction(StrEnum):
    """`grant` changes doors or validity of a card that exists, `issue` makes one, `restore` takes a loss back."""

    ISSUE = "issue"
    GRANT = "grant"
    REVOKE = "revoke"
    LOST = "lost"
    RESTORE = "restore"


class CardRefusal(StrEnum):
    """Why a change was refused; each with what would be needed."""

    UNKNOWN_CARD = "unknown card"
    ALREADY_ISSUED = "this reference is issued already"
    END_MISSING = "a tenant's or visitor's pass needs an end"
    END_TOO_FAR = "the pass would be valid for too long"
    END_BEFORE_BEGIN = "it would end before it begins"
    NOT_ACTIVE = "it was revoked or reported lost: issue another, or restore it"
    NOT_LOST = "it was not reported lost"


class CardRefused(CommandRefused):
    """A change that is not allowed."""

    def __init__(self, why: CardRefusal) -> None:
        super().__init__(why.value)
        self.why = why


class Cards:
    """All cards by reference. Changes are made one after the other and count once the journal holds them."""

    def __init__(self, changes: Iterable[CardChange], record: Callable[[Sequence[Record]], Awaitable[bool]]) -> None:
        self._cards = {change.card: change for change in changes}
        self._record = record
        self._turn = asyncio.Lock()

    @property
    def all(self) -> Mapping[str, CardChange]:
        """The newest change of each card: what it is."""
        return self._cards

    async def change(self, wanted: CardChange) -> CardChange:
        """Make a change; returns it once the journal has it, or keeps it in memory because the disk refuses. Raises
        CardRefused. What is only an action keeps the rest."""
        async with self._turn:
            made = self._allowed(wanted)
            await self._record([made])
            self._cards[made.card] = made
            return made

    def _allowed(self, wanted: CardChange) -> CardChange:
        before = self._cards.get(wanted.card)
        if wanted.action == CardAction.ISSUE:
            if before is not None and before.action != CardAction.REVOKE:
                raise CardRefused(CardRefusal.ALREADY_ISSUED)
            return _timely(wanted)
        if before is None:
            raise CardRefused(CardRefusal.UNKNOWN_CARD)
        active = before.action not in (CardAction.REVOKE, CardAction.LOST)
        if wanted.action == CardAction.RESTORE:
            if before.action != CardAction.LOST:
                raise CardRefused(CardRefusal.NOT_LOST)
        elif not active and not (wanted.action == CardAction.REVOKE and before.action == CardAction.LOST):
            raise CardRefused(CardRefusal.NOT_ACTIVE)
        if wanted.action == CardAction.GRANT:
            return _timely(replace(wanted, kind=before.kind, holder=before.holder, household=before.household))
        return replace(
            before, action=wanted.action, at=wanted.at, by=wanted.by, console=wanted.console, reason=wanted.reason
        )


def _timely(change: CardChange) -> CardChange:
    longest = LONGEST.get(change.kind)
    if change.valid_until is None:
        if longest is not None:
            raise CardRefused(CardRefusal.END_MISSING)
        return change
    if change.valid_until <= change.valid_from:
        raise CardRefused(CardRefusal.END_BEFORE_BEGIN)
    if longest is not None and change.valid_until - change.valid_from > longest:
        raise CardRefused(CardRefusal.END_TOO_FAR)
    return change


def state_of(card: CardChange, now: datetime) -> CardState:
    """What a card is worth at a moment (UTC)."""
    if card.action == CardAction.REVOKE:
        return CardState.REVOKED
    if card.action == CardAction.LOST:
        return CardState.LOST
    if now < card.valid_from:
        return CardState.NOT_YET
    if card.valid_until is not None and now >= card.valid_until:
        return CardState.EXPIRED
    return CardState.VALID

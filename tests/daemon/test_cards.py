"""Cards and passes: what may be done to which, what it is worth when, and that a restart forgets nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.cards import CardAction, CardRefused, Cards, CardState, state_of
from daemon.journal import Journal
from daemon.records import CardChange

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def change(action: CardAction = CardAction.ISSUE, **more: Any) -> CardChange:
    usual = CardChange(
        "c:77aa", action, NOW, "li", "desk-1", "resident", "p-12", "h-1-0301", ("door-01", "door-04"), NOW, None, "入住"
    )
    return replace(usual, **more)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as journal:
        yield journal


async def test_a_card_is_issued_lost_restored_and_revoked_and_a_restart_knows_it(journal: Journal) -> None:
    """AC-3: each change by whom, when and why; nothing is ever altered."""
    cards = Cards(journal.card_changes(), journal.commit)
    for action in (CardAction.ISSUE, CardAction.LOST, CardAction.RESTORE, CardAction.REVOKE):
        await cards.change(change(action, reason=f"because of {action}"))
    assert [(one.action, one.reason) for one in journal.card_changes()] == [
        ("issue", "because of issue"), ("lost", "because of lost"),
        ("restore", "because of restore"), ("revoke", "because of revoke"),
    ]  # fmt: skip
    again = Cards(journal.card_changes(), journal.commit)
    assert state_of(again.all["c:77aa"], NOW) is CardState.REVOKED
    assert again.all["c:77aa"].holder == "p-12"


async def test_other_doors_and_another_end_keep_the_holder(journal: Journal) -> None:
    cards = Cards((), journal.commit)
    await cards.change(change())
    await cards.change(change(CardAction.GRANT, doors=("door-09",), kind="", holder="", household="", reason="换岗"))
    (card,) = cards.all.values()
    assert (card.doors, card.kind, card.holder, card.household) == (("door-09",), "resident", "p-12", "h-1-0301")


@pytest.mark.parametrize(
    ("before", "wanted", "why"),
    [
        ([], change(CardAction.REVOKE), "unknown card"),
        ([change()], change(), "this reference is issued already"),
        ([change(CardAction.LOST)], change(CardAction.GRANT), "it was revoked or reported lost"),
        ([change(CardAction.REVOKE)], change(CardAction.LOST), "it was revoked or reported lost"),
        ([change()], change(CardAction.RESTORE), "it was not reported lost"),
        ([], change(kind="tenant"), "needs an end"),
        ([], change(kind="visitor", valid_until=NOW + timedelta(days=8)), "valid for too long"),
        ([], change(kind="visitor", valid_until=NOW), "end before it begins"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_reason(
    journal: Journal, before: list[CardChange], wanted: CardChange, why: str
) -> None:
    """AC-6: a pass without an end, or for too long, is none."""
    cards = Cards(before, journal.commit)
    with pytest.raises(CardRefused, match=why):
        await cards.change(wanted)
    assert journal.card_changes() == []


@pytest.mark.parametrize(
    ("hours", "state"), [(-1, CardState.NOT_YET), (0, CardState.VALID), (23, CardState.VALID), (24, CardState.EXPIRED)]
)
def test_a_pass_is_worth_something_between_its_begin_and_its_end(hours: int, state: CardState) -> None:
    """AC-6: expired is not revoked, and not yet valid is neither."""
    visitor = change(kind="visitor", valid_until=NOW + timedelta(days=1))
    assert state_of(visitor, NOW + timedelta(hours=hours)) is state


async def test_a_lost_card_may_be_revoked_and_its_reference_issued_anew(journal: Journal) -> None:
    cards = Cards([change(CardAction.LOST)], journal.commit)
    await cards.change(change(CardAction.REVOKE))
    await cards.change(change(holder="p-13"))
    assert cards.all["c:77aa"].holder == "p-13"

"""The one table of alarm states, cell by cell, by itself and through the engine, and the page made of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from estate.model import Now
from rules.alarm import ANNOUNCING, TABLE, Alarm, AlarmId, AlarmState, Trigger, move
from rules.refusal import AlarmRefused
from rules.state_table import page
from tests.rules.watching import Watching, watching

S, T = AlarmState, Trigger
A, B, C, D, L1, L2 = S
BEFORE = datetime(2026, 3, 1, tzinfo=UTC)
NOW = Now(BEFORE + timedelta(minutes=5), 300.0)

# What each event makes of A, B, C, D, L1, L2; a dot changes nothing. Written down from peers.md B2, not from the code.
EXPECTED = {
    T.RAISE: "B . . B B B",
    T.RAISE_SUPPRESSED: "C . . B B C",
    T.CLEAR: ". D A . . .",
    T.CLEAR_LATCHING: ". L1 L2 . . .",
    T.CLEAR_ADVISORY: ". A A . . .",
    T.ACKNOWLEDGE: ". C . A L2 .",
    T.UNACKNOWLEDGE: ". . B . . L1",
    T.RESET: ". . . . . A",
    T.WORSEN: ". B B . . .",
    T.EASE: ". B C . . .",
    T.REMIND: ". . B . . .",
    T.SHELVE: "A B C D L1 L2",
    T.SHELF_ENDED: "A B B D L1 L2",
    T.UNSHELVE: "A C C A L2 L2",
    T.SUPPRESS: "A B C D L1 L2",
    T.TAKE_OVER: ". C . . . .",
    T.UNSUPPRESS: "A B B D L1 L2",
    T.REMOVE_FROM_SERVICE: "A B C D L1 L2",
    T.RETURN_TO_SERVICE: "A B B D L1 L2",
    T.WITHDRAW: "A A A A A A",
}
LETTERS = {"A": A, "B": B, "C": C, "D": D, "L1": L1, "L2": L2}
CELLS = [
    (before, trigger, LETTERS.get(letter))
    for trigger, row in EXPECTED.items()
    for before, letter in zip(S, row.split(), strict=True)
]


def alarm(state: AlarmState) -> Alarm:
    return Alarm(AlarmId("zone-07.intrusion"), state, BEFORE, 3, BEFORE)


@pytest.mark.parametrize("before, trigger, after", CELLS)
def test_every_cell_moves_as_the_standard_says(before: AlarmState, trigger: Trigger, after: AlarmState | None) -> None:
    standing = alarm(before)
    moved = move(standing, trigger, NOW)
    if after is None:
        assert moved is standing
        return
    assert (moved.state, moved.since) == (after, NOW.utc)
    raised = trigger in (T.RAISE, T.RAISE_SUPPRESSED)
    assert moved.occurrence == (4 if raised else 3)
    assert moved.raised_at == (NOW.utc if raised else BEFORE)


def test_the_table_holds_these_cells_and_no_more() -> None:
    assert {(before, trigger): after for before, trigger, after in CELLS if after is not None} == TABLE
    assert set(EXPECTED) == set(T)


def test_no_path_leads_from_announced_to_normal_without_an_acknowledgement() -> None:
    """Invariant 2: but for advisories, for unshelving, which is one, and for a parent that asks for its own.

    Of an alarm whose rule is gone `system.alarms_unwatched` asks for one (tests/system/test_unwatched.py).
    """
    excepted = {T.ACKNOWLEDGE, T.CLEAR_ADVISORY, T.UNSHELVE, T.TAKE_OVER, T.WITHDRAW}
    reachable, unseen = {B}, [B]
    while unseen:
        state = unseen.pop()
        for (before, trigger), after in TABLE.items():
            if before is state and trigger not in excepted and after not in reachable:
                reachable.add(after)
                unseen.append(after)
    assert A not in reachable


def test_the_page_in_docs_is_made_of_the_table() -> None:
    """Write it anew with `python -m rules.state_table > docs/alarm-states.md`."""
    assert Path("docs/alarm-states.md").read_text("utf-8") == page()


# Through the engine: bring an alarm into each state, then let each event come as it comes in life.

RULE = {"on_delay": 0, "remind": 500, "suppress_when": "ready", "severe": {"when": "level > 10", "priority": 1}}


def brought(state: AlarmState, **more: object) -> Watching:
    kind = "latched" if state in (L1, L2) else "process"
    it = watching("running", **{**RULE, "kind": kind, **more})
    it.set(ready=False, level=0.0)
    if state is not A:
        it.set(running=True)
    if state in (D, L1, L2):
        it.set(running=False)
    if state in (C, L2):
        it.acknowledge()
    if state is not C and state is not B:
        it.set(running=False)
    assert it.state is state
    return it


def no_longer(it: Watching) -> None:
    """Nothing suppresses it by design any more, and the second has passed for which that has to last."""
    it.set(ready=False)
    it.later(1)


EVENTS: dict[Trigger, tuple[Callable[[Watching], object], ...]] = {
    T.RAISE: (lambda it: it.set(running=True),),
    T.RAISE_SUPPRESSED: (lambda it: it.shelve(), lambda it: it.set(running=True)),
    T.CLEAR: (lambda it: it.set(running=False),),
    T.CLEAR_LATCHING: (lambda it: it.set(running=False),),
    T.CLEAR_ADVISORY: (lambda it: it.set(running=False),),
    T.ACKNOWLEDGE: (lambda it: it.acknowledge(),),
    T.UNACKNOWLEDGE: (lambda it: it.command("unacknowledge"),),
    T.RESET: (lambda it: it.reset(),),
    T.WORSEN: (lambda it: it.set(level=11.0),),
    T.EASE: (lambda it: it.set(level=11.0), lambda it: it.set(level=0.0)),
    T.REMIND: (lambda it: it.later(500),),
    T.SHELVE: (lambda it: it.shelve(),),
    T.SHELF_ENDED: (lambda it: it.shelve(60), lambda it: it.later(60)),
    T.UNSHELVE: (lambda it: it.shelve(60), lambda it: it.command("unshelve")),
    T.SUPPRESS: (lambda it: it.set(ready=True),),
    T.UNSUPPRESS: (lambda it: it.set(ready=True), no_longer),
    T.REMOVE_FROM_SERVICE: (lambda it: it.remove(),),
    T.RETURN_TO_SERVICE: (lambda it: it.remove(), lambda it: it.command("return_to_service")),
}
REFUSED = {T.ACKNOWLEDGE, T.UNACKNOWLEDGE, T.RESET}


@pytest.mark.parametrize("before, trigger, after", [cell for cell in CELLS if cell[1] not in (T.TAKE_OVER, T.WITHDRAW)])
def test_every_cell_through_the_engine(before: AlarmState, trigger: Trigger, after: AlarmState | None) -> None:
    more: dict[str, object] = {}
    if trigger is T.CLEAR_LATCHING and before is not D:
        more["kind"] = "latched"
    if trigger is T.CLEAR_ADVISORY and before in (B, C):
        more["acknowledge"] = False
    it = brought(before, **more)
    *earlier, last = EVENTS[trigger]
    for event in earlier:
        event(it)
    if trigger is T.EASE and before is C:
        it.acknowledge()
    told = len(it.journal)
    if after is None and trigger in REFUSED:
        with pytest.raises(AlarmRefused):
            last(it)
    else:
        last(it)
    news = it.journal[told:]
    if after is None:
        assert it.state is before
        assert news == []
    else:
        assert [one.trigger for one in news] == [trigger]
        assert it.state is after
        (one,) = news
        assert one.announces is (after is B and trigger in ANNOUNCING)

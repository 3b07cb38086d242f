"""The one table of alarm states, row by row, and that every other pair changes nothing."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from estate.model import Now
from rules.alarm import TABLE, Alarm, AlarmId, AlarmState, Trigger, move

S, T = AlarmState, Trigger
BEFORE = datetime(2026, 3, 1, tzinfo=UTC)
NOW = Now(BEFORE + timedelta(minutes=5), 300.0)

ROWS = [
    (S.NORMAL, T.RAISE, S.UNACKNOWLEDGED),
    (S.UNACKNOWLEDGED, T.ACKNOWLEDGE, S.ACKNOWLEDGED),
    (S.UNACKNOWLEDGED, T.CLEAR, S.RETURNED),
    (S.UNACKNOWLEDGED, T.CLEAR_LATCHING, S.LATCHED_UNACKNOWLEDGED),
    (S.ACKNOWLEDGED, T.CLEAR, S.NORMAL),
    (S.ACKNOWLEDGED, T.CLEAR_LATCHING, S.LATCHED),
    (S.RETURNED, T.ACKNOWLEDGE, S.NORMAL),
    (S.RETURNED, T.RAISE, S.UNACKNOWLEDGED),
    (S.LATCHED_UNACKNOWLEDGED, T.ACKNOWLEDGE, S.LATCHED),
    (S.LATCHED_UNACKNOWLEDGED, T.RAISE, S.UNACKNOWLEDGED),
    (S.LATCHED, T.RAISE, S.UNACKNOWLEDGED),
    (S.LATCHED, T.RESET, S.NORMAL),
]
LISTED = {(before, trigger) for before, trigger, _ in ROWS}


def alarm(state: AlarmState) -> Alarm:
    return Alarm(AlarmId("zone-07.intrusion"), state, BEFORE, 3, BEFORE)


@pytest.mark.parametrize("before, trigger, after", ROWS)
def test_each_listed_pair_moves_as_the_standard_says(before: AlarmState, trigger: Trigger, after: AlarmState) -> None:
    moved = move(alarm(before), trigger, NOW)
    assert (moved.state, moved.since) == (after, NOW.utc)
    raised = trigger is T.RAISE
    assert moved.occurrence == (4 if raised else 3)
    assert moved.raised_at == (NOW.utc if raised else BEFORE)


@pytest.mark.parametrize("before, trigger", [pair for pair in product(S, T) if pair not in LISTED])
def test_every_other_pair_changes_nothing(before: AlarmState, trigger: Trigger) -> None:
    standing = alarm(before)
    assert move(standing, trigger, NOW) is standing


def test_the_table_holds_these_rows_and_no_more() -> None:
    assert {(before, trigger): after for before, trigger, after in ROWS} == TABLE


def test_no_path_leads_from_raised_to_normal_without_an_acknowledgement() -> None:
    reachable, unseen = {S.UNACKNOWLEDGED}, [S.UNACKNOWLEDGED]
    while unseen:
        state = unseen.pop()
        for (before, trigger), after in TABLE.items():
            if before is state and trigger is not T.ACKNOWLEDGE and after not in reachable:
                reachable.add(after)
                unseen.append(after)
    assert S.NORMAL not in reachable

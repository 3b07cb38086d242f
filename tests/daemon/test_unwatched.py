"""Alarms without a rule: which of them are ended, and that none is ended before it was told."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from daemon.kpi.annunciation import move_of
from daemon.records import Memory, Record
from daemon.unwatched import NAMED, Unwatched, left_over
from estate.model import Delivery, EquipmentId, Now
from rules.alarm import AlarmId, AlarmState, Transition, Trigger, withdrawn
from rules.engine import Engine
from rules.memory import ALIVE
from rules.suppression import UNSUPPRESSED, Shelf
from tests.rules.watching import watching

AT = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
LATER = Now(AT + timedelta(hours=1), 4600.0)


def last(alarm: str, after: AlarmState, **more: Any) -> Transition:
    return Transition(
        AlarmId(alarm), EquipmentId(alarm.partition(".")[0]), alarm.partition(".")[2], 3, AlarmState.NORMAL, after,
        Trigger.RAISE, AT, 2, "水位高", "Level high", raised_at=AT, latched=True, chatter=4, **more,
    )  # fmt: skip


@pytest.mark.parametrize("state", [one for one in AlarmState if one is not AlarmState.NORMAL])
def test_whatever_asks_for_somebody_is_ended_as_normal(state: AlarmState) -> None:
    end = withdrawn(last("sump-1.high_level", state), LATER)
    assert end is not None
    assert (end.before, end.after, end.trigger) == (state, AlarmState.NORMAL, Trigger.WITHDRAW)
    assert (end.decided, end.occurrence, end.raised_at) == (LATER.utc, 3, AT)
    assert (end.latched, end.chatter, end.suppression, end.announces) == (False, 0, UNSUPPRESSED, False)
    assert move_of(end).clears is state.condition_present


def test_what_is_normal_and_in_no_list_needs_no_end() -> None:
    assert withdrawn(last("sump-1.high_level", AlarmState.NORMAL), LATER) is None


def test_a_shelf_ends_with_its_rule() -> None:
    shelf = UNSUPPRESSED.with_shelf(Shelf("li", AT, AT + timedelta(days=1), "test"))
    end = withdrawn(last("sump-1.high_level", AlarmState.NORMAL, suppression=shelf), LATER)
    assert end is not None
    assert end.suppression is UNSUPPRESSED
    assert withdrawn(end, LATER) is None


class HandClock:
    def now(self) -> Now:
        return LATER


class Daemon:
    """Writes down in which order the alarm was told and ended. What is delivered settles a moment later."""

    def __init__(self) -> None:
        self.did: list[tuple[str, Any]] = []

    async def deliver(self, delivery: Delivery) -> None:
        self.did.append(("settling", ""))
        asyncio.get_running_loop().call_soon(self._settle, delivery)

    def _settle(self, delivery: Delivery) -> None:
        (sample,) = delivery.samples
        self.did.append((sample.point.partition(".")[2], sample.value))
        delivery.settled(False)  # also where the disk refuses for now

    async def commit(self, records: Sequence[Record]) -> bool:
        forgotten = [one.key for one in records if isinstance(one, Memory) and one.body is None]
        self.did.append(("ended", [*(str(one.alarm) for one in records if isinstance(one, Transition)), *forgotten]))
        return True

    async def start(self, *transitions: Transition, gone: set[str], left: Iterable[str] = ()) -> list[tuple[str, Any]]:
        ids = {AlarmId(one) for one in gone}
        await Unwatched(transitions, ids, left, self.deliver, self.commit, HandClock()).end()
        return [one for one in self.did if one[0] != "settling"]


async def test_it_is_told_before_it_is_ended_and_well_afterwards() -> None:
    stood = last("a.b", AlarmState.ACKNOWLEDGED)
    did = await Daemon().start(stood, last("c.d", AlarmState.UNACKNOWLEDGED), gone={"a.b"})
    assert did == [("unwatched", "a.b"), ("all_watched", False), ("ended", ["a.b"]), ("all_watched", True)]


async def test_nothing_is_told_of_a_site_that_lost_none() -> None:
    did = await Daemon().start(last("a.b", AlarmState.ACKNOWLEDGED), last("c.d", AlarmState.NORMAL), gone={"c.d"})
    assert did == [("unwatched", ""), ("all_watched", True)]


async def test_a_site_that_lost_hundreds_names_some_and_counts_the_rest() -> None:
    lost = [replace(last("a.b", AlarmState.RETURNED), alarm=AlarmId(f"a.{n:03}")) for n in range(300)]
    did = await Daemon().start(*lost, gone={str(one.alarm) for one in lost})
    told = dict(did[:1])["unwatched"]
    assert told.endswith(f" … +{300 - NAMED}")
    assert len(told) < 200
    ended = dict(did[2:3])["ended"]
    assert len(ended) == 300
    assert all(one < two for one, two in pairwise(ended))


async def test_what_was_only_shelved_is_ended_untold() -> None:
    shelf = UNSUPPRESSED.with_shelf(Shelf("li", AT, AT + timedelta(days=1), "test"))
    did = await Daemon().start(last("a.b", AlarmState.NORMAL, suppression=shelf), gone={"a.b"})
    assert did == [("unwatched", ""), ("ended", ["a.b"]), ("all_watched", True)]


def test_what_was_remembered_for_rules_that_are_gone_is_forgotten_and_nothing_else() -> None:
    keys = (ALIVE, "a.b", "a.b#severe", "c.d", "c.d#suppress_when")
    assert list(left_over(keys, {"c.d"})) == ["a.b", "a.b#severe"]


async def test_a_kept_delay_goes_with_its_rule_though_no_alarm_ever_came() -> None:
    assert dict(await Daemon().start(gone=set(), left=["a.b"]))["ended"] == ["a.b"]


def test_a_rule_put_back_raises_what_is_still_wrong_anew_after_its_whole_delay() -> None:
    """The journal's last word is the withdrawal; what was remembered of the delay is forgotten with it."""
    it = watching("level > limit", on_delay=10, kind="latched")
    it.set(level=1.5)
    (raised,) = it.later(10)
    it.later(3600)
    end = withdrawn(raised, it.now)
    assert end is not None
    it.later(3600)
    again = replace(it, engine=Engine([it.rule]), journal=[])
    assert again.engine.restore([end], {}) == []
    assert again.engine.standing == {}
    assert again.set(level=1.5) == []
    (anew,) = again.later(10)
    assert (anew.occurrence, anew.before, anew.after) == (2, AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED)
    assert anew.announces
    assert again.acknowledge().after is AlarmState.ACKNOWLEDGED


def test_a_rule_put_back_on_what_is_well_again_asks_nobody_for_anything() -> None:
    it = watching("running", kind="latched")
    (raised,) = it.set(running=True)
    end = withdrawn(raised, it.now)
    assert end is not None
    again = replace(it, engine=Engine([it.rule]), journal=[])
    again.engine.restore([end], {})
    assert again.set(running=False) == []
    assert (again.state, again.engine.standing) == (AlarmState.NORMAL, {})

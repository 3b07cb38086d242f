"""The journal keeps what it has promised: order, uniqueness, the fold after a restart, and its file format."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.journal import Journal, migrate
from daemon.records import Audit, Record
from estate.model import Cause, DeviceId, EquipmentId, Event
from rules.alarm import AlarmId, AlarmState, Transition, Trigger

AT = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)


def event(seq: int, device: str = "d-1", boot: str = "b1") -> Event:
    return Event(DeviceId(device), boot, seq, "door.opened", AT, AT, False, {"n": seq})


def transition(alarm: str, before: AlarmState, after: AlarmState, occurrence: int = 1) -> Transition:
    return Transition(
        AlarmId(alarm), EquipmentId("door-01"), "forced", occurrence, before, after, Trigger.RAISE, AT, 1,
        "门被强行打开", "door forced", cause=Cause(DeviceId("d-1"), "b1", 7), received=AT, raised_at=AT,
    )  # fmt: skip


async def commit(path: Path, *groups: list[Record]) -> None:
    with Journal(path) as journal:
        for group in groups:
            await journal.commit(group)


async def test_records_read_back_as_they_were_after_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    raised = transition("door-01.forced", AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED)
    await commit(path, [event(7), raised], [Audit(AT, "wang", "desk-1", "sign-in")])
    with Journal(path) as journal:
        assert journal.last_transitions() == [raised]
        assert [row["action"] for row in journal.newest("audit")] == ["sign-in"]
        assert journal.newest("event")[0]["data"] == '{"n":7}'


async def test_an_event_that_comes_twice_stands_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await commit(path, [event(1), event(2)], [event(2), event(3)])
    with Journal(path) as journal:
        assert sorted(row["seq"] for row in journal.newest("event")) == [1, 2, 3]


async def test_the_fold_is_the_newest_transition_of_every_alarm_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    raised = transition("a.x", AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED)
    other = transition("b.y", AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED)
    acknowledged = transition("a.x", AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
    await commit(path, [raised, other], [acknowledged])
    with Journal(path) as journal:
        assert journal.last_transitions() == [other, acknowledged]


async def test_the_numbering_of_a_device_is_known_after_a_restart_with_its_gaps(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await commit(path, [event(1, boot="old"), event(1), event(2), event(5), event(6)], [event(9, device="d-2")])
    with Journal(path) as journal:
        one, two = sorted(journal.device_histories(), key=lambda history: history.device)
    assert (one.boots, one.boot, one.first, one.contiguous, one.beyond) == (("old", "b1"), "b1", 1, 2, (5, 6))
    assert (two.boot, two.first, two.contiguous, two.beyond) == ("b1", 9, 9, ())


async def test_a_buffered_event_of_an_old_boot_does_not_make_it_the_current_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    late = replace(event(4, boot="old"), historic=True)
    await commit(path, [event(1, boot="old"), event(1, boot="new")], [late])
    with Journal(path) as journal:
        (one,) = journal.device_histories()
    assert (one.boots, one.boot) == (("old", "new"), "new")


async def test_commits_that_wait_share_one_transaction(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        await asyncio.gather(*(journal.commit([event(n)]) for n in range(1, 501)))
        assert journal.records == 500
        assert journal.commits < 250


def test_the_journal_is_in_wal_with_full_synchronisation(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db"):
        connection = sqlite3.connect(tmp_path / "journal.db")
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()


def test_a_file_of_a_newer_release_is_refused_with_a_sentence(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="install the newer release"), Journal(tmp_path / "journal.db"):
        pass


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    migrate(connection)
    before = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_master").fetchall() == before
    connection.close()


async def test_a_refused_commit_is_an_error_and_the_next_one_works(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        await journal.commit([event(1)])
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(journal.commit([event(2)]))
        with pytest.raises(sqlite3.OperationalError):
            await waiting
        blocker.execute("ROLLBACK")
        blocker.close()
        await journal.commit([event(3)])
        assert sorted(row["seq"] for row in journal.newest("event")) == [1, 3]


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.daemon.test_journal import event
from daemon.journal import Journal

async def main():
    with Journal(Path(sys.argv[1])) as journal:
        seq = int(sys.argv[2])
        while True:
            await journal.commit([event(seq + n) for n in range(5)])
            seq += 5
            print(seq - 1, flush=True)

asyncio.run(main())
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    """Ten writers killed with SIGKILL: every number they printed after its commit is there, and whole."""
    path = tmp_path / "journal.db"
    promised = 0
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(promised + 1)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent.parent,
        )  # fmt: skip
        assert process.stdout is not None
        for _ in range(20):
            promised = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        promised = max([promised, *map(int, rest)])
        process.stdout.close()
        process.wait()
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = {row[0] for row in connection.execute("SELECT seq FROM event")}
        connection.close()
        assert set(range(1, promised + 1)) <= found
        promised = max(found)
        assert promised % 5 == 0

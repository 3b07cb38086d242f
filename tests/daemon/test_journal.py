"""The journal keeps what it has promised: order, uniqueness, the fold after a restart, and its file format."""

import asyncio
import contextlib
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.ballast import Ballast
from daemon.journal import Journal
from daemon.journal_writer import MOST_HELD, migrate
from daemon.records import Audit, Memory, Record
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


async def test_when_the_newest_live_event_of_a_device_happened_is_known_after_a_restart(tmp_path: Path) -> None:
    """By the device's own clock if that was right; of two events under one number the newer is no repetition."""
    path = tmp_path / "journal.db"
    then = event(1).rx
    said = {"d-1": then - timedelta(seconds=9), "d-2": then + timedelta(days=9), "d-3": None}
    events = [replace(event(2, device=device), at=at) for device, at in said.items()]
    later = [replace(event(3, device=device), at=then, historic=True) for device in said]
    unset = replace(event(2, device="d-4"), at=then, clock="unset")
    await commit(path, [*events, *later, unset])
    with Journal(path) as journal:
        latest = {one.device: one.latest for one in journal.device_histories()}
    assert latest == {"d-1": then - timedelta(seconds=9), "d-2": then, "d-3": None, "d-4": None}


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


def seqs(journal: Journal) -> list[int]:
    return [row["seq"] for row in journal.newest("event", limit=20_000)][::-1]


async def test_a_disk_that_does_not_answer_holds_nobody_up_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        assert await journal.commit([event(1)])
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as blocker:
            blocker.execute("BEGIN IMMEDIATE")
            assert not await journal.commit([event(2)])
            assert "has not answered" in journal.trouble
            blocker.execute("ROLLBACK")
        assert await journal.commit([event(3)])
        assert journal.trouble == ""
        assert seqs(journal) == [1, 2, 3]


async def test_what_the_disk_refuses_waits_in_memory_and_is_written_in_its_order(tmp_path: Path) -> None:
    """reliability.md E20: a file limit stands in for the full disk, as an ordinary user can set it."""
    ballast = Ballast(tmp_path / "ballast", size=4096)
    assert ballast.lay()
    with Journal(tmp_path / "journal.db", ballast) as journal:
        assert await journal.commit([event(1)])
        with no_room():
            assert not await journal.commit([event(2)])
            assert not await journal.commit([event(3), Memory("a.b", {"due": 5.0})])
            assert journal.trouble == "disk I/O error"
        assert not ballast.is_held
        assert await journal.commit([event(4)])
        assert seqs(journal) == [1, 2, 3, 4]
        assert journal.memory() == {"a.b": {"due": 5.0}}
    assert ballast.lay()


async def test_a_disk_that_refuses_for_very_long_costs_the_oldest_records(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        with no_room():
            assert not await journal.commit([event(1), event(2)])
            assert not await journal.commit([event(seq) for seq in range(3, MOST_HELD + 3)])
        assert await journal.commit([])
        assert seqs(journal) == list(range(3, MOST_HELD + 3))
    assert "2 records are lost" in caplog.text


async def test_a_record_that_no_disk_would_take_fails_alone(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        asked = [[event(1)], [event(2**70)], [event(3)]]
        told = await asyncio.gather(*map(journal.commit, asked), return_exceptions=True)
        assert (told[0], type(told[1]), told[2]) == (True, OverflowError, True)
        assert seqs(journal) == [1, 3]


async def test_a_damaged_journal_is_put_aside_and_the_watch_goes_on(tmp_path: Path) -> None:
    """reliability.md E25: a watch without a past is better than none; the past is kept for whoever can read it."""
    path = tmp_path / "journal.db"
    await commit(path, [event(1)])
    with path.open("r+b") as file:
        file.write(b"not a database at all")
    with Journal(path) as journal:
        assert journal.set_aside is not None
        assert journal.set_aside.read_bytes().startswith(b"not a database")
        assert await journal.commit([event(2)])
        assert seqs(journal) == [2]


async def test_a_start_that_was_killed_while_it_laid_out_the_log_is_made_good(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await commit(path, [event(1)])
    with contextlib.closing(sqlite3.connect(path)) as killed:
        killed.execute("CREATE TABLE blank AS SELECT zeroblob(10) AS body")
    with Journal(path) as journal, contextlib.closing(sqlite3.connect(path)) as file:
        assert seqs(journal) == [1]
        assert file.execute("SELECT * FROM sqlite_master WHERE name = 'blank'").fetchall() == []


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """No file can be written beyond its first byte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


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

"""Backups by themselves, put back by hand; old records overwritten by new ones without losing what a restart needs."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.backups import KEEP, Backups, back_up, backups, made_at, restore
from daemon.commands.backup import main_backup, main_restore
from daemon.journal import Journal
from daemon.records import Audit, CardChange, Forget, Record
from daemon.state import StateFolder, state_folder
from estate.model import Delivery, DeviceId, EquipmentId, Event, SystemClock
from rules.alarm import AlarmId, AlarmState, Transition, Trigger

OLD, NEW = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


def event(seq: int, at: datetime, device: str = "d-1") -> Event:
    return Event(DeviceId(device), "b1", seq, "door.opened", at, at, False, {"n": seq})


def transition(alarm: str, after: AlarmState, at: datetime) -> Transition:
    return Transition(
        AlarmId(alarm), EquipmentId("door-01"), "forced", 1, AlarmState.NORMAL, after, Trigger.RAISE, at, 1,
        "门被强行打开", "door forced", received=at, raised_at=at,
    )  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "state")
    folder.history.mkdir(parents=True)
    return folder


async def written(state: StateFolder, *records: Record) -> None:
    with Journal(state.journal) as journal:
        await journal.commit(records)


def rows(journal: Path, question: str) -> Sequence[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


async def test_a_backup_made_while_the_journal_is_written_is_whole_and_goes_back(
    state: StateFolder, tmp_path: Path
) -> None:
    """HH-5, PE-6, CR-8: with the site's files; what it replaces is kept beside it."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "site.yaml").write_text("id: elm\n")
    with Journal(state.journal) as journal:
        await journal.commit([event(n, NEW) for n in range(1, 501)])

        async def go_on() -> None:
            for n in range(501, 700):
                await journal.commit([event(n, NEW)])

        writing = asyncio.create_task(go_on())
        made = await asyncio.to_thread(back_up, state, site, NEW)
        await writing
    kept = rows(made / "journal.db", "SELECT count(*), max(seq) FROM event")[0]
    assert kept[0] == kept[1]
    assert kept[0] >= 500  # type: ignore[operator]
    assert (made / "site" / "site.yaml").read_text() == "id: elm\n"
    assert (made / "journal.db").stat().st_mode & 0o077 == 0
    state.journal.write_bytes(b"a disk that has failed" * 1000)
    with state_folder(state.path) as held:
        aside = restore(held, made, NEW)
    assert [one.name.startswith("journal.db.before-") for one in aside] == [True] * len(aside)
    with Journal(state.journal) as journal:
        assert journal.newest("event")[0]["seq"] == kept[1]
        assert await journal.commit([event(900, NEW)])


async def test_the_daemon_makes_one_a_day_and_overwrites_the_oldest(state: StateFolder, tmp_path: Path) -> None:
    """HH-5, PE-6, CR-8: by itself."""
    told: list[Delivery] = []

    async def deliver(delivery: Delivery) -> None:
        told.append(delivery)

    (tmp_path / "site").mkdir()
    now = datetime.now(UTC)
    await written(state, event(1, now))
    for days in range(KEEP + 3, 1, -1):
        await asyncio.to_thread(back_up, state, None, now - timedelta(days=days))
    assert len(backups(state)) == KEEP
    oldest = backups(state)[0]
    with Journal(state.journal) as journal:
        keeper = Backups(state, tmp_path / "site", journal, deliver, SystemClock(), settle=0.0)
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(10):
            while not told:
                await asyncio.sleep(0.01)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert [(one.point, one.value) for one in told[0].samples] == [("system.backup", True)]
    assert len(backups(state)) == KEEP
    assert oldest not in backups(state)
    assert now - timedelta(minutes=1) < made_at(backups(state)[-1]) <= datetime.now(UTC)


async def test_a_backup_that_fails_is_told_and_leaves_the_others(state: StateFolder, tmp_path: Path) -> None:
    told: list[Delivery] = []

    async def deliver(delivery: Delivery) -> None:
        told.append(delivery)

    await written(state, event(1, NEW))
    made = back_up(state, None, NEW)
    with Journal(state.journal) as journal:
        keeper = Backups(state, tmp_path / "no site here", journal, deliver, SystemClock(), settle=0.0)
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(10):
            while not told:
                await asyncio.sleep(0.01)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    (sample,) = told[0].samples
    assert sample.value is False
    assert "no site here" in sample.reason
    assert backups(state) == [made]


async def test_a_backup_that_fails_in_its_midst_leaves_nothing_on_the_disk(state: StateFolder) -> None:
    """Tried again every hour, each half copy of a large journal would stay: a full disk within days."""
    await written(state, *(event(n, NEW) for n in range(1, 400)))
    whole = state.journal.read_bytes()
    state.journal.write_bytes(whole[:8192] + b"\x55" * 8192 + whole[16384:])
    left = state.path / "backups" / ".20260201T000000Z"  # of a daemon that was killed at it
    left.mkdir(parents=True)
    for hour in range(3):
        with pytest.raises(sqlite3.DatabaseError):
            back_up(state, None, NEW + timedelta(hours=hour))
    assert list((state.path / "backups").iterdir()) == []


async def test_what_people_put_beside_the_backups_is_none_and_stays(
    state: StateFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    await written(state, event(1, NEW))
    for days in range(KEEP):
        back_up(state, None, NEW + timedelta(days=days))
    (state.path / "backups" / "before-the-upgrade").mkdir()
    (state.path / "backups" / "00-README").write_text("on the NAS")
    back_up(state, None, NEW + timedelta(days=KEEP))
    assert len(backups(state)) == KEEP
    assert made_at(backups(state)[-1]) == NEW + timedelta(days=KEEP)
    assert (state.path / "backups" / "before-the-upgrade").is_dir()
    assert (state.path / "backups" / "00-README").exists()
    assert main_restore(state.path, None) == 0
    assert "README" not in capsys.readouterr().out


async def test_old_records_go_as_fast_as_new_ones_come(state: StateFolder, tmp_path: Path) -> None:
    """One look forgets ten thousand rows of a table: a busy site writes more than that in an hour."""

    async def deliver(delivery: Delivery) -> None:
        pass

    (tmp_path / "site").mkdir()
    with Journal(state.journal) as journal:
        for block in range(5):
            await journal.commit([event(n, OLD) for n in range(1 + 6000 * block, 6001 + 6000 * block)])
        await journal.commit([event(40_000, datetime.now(UTC))])
        keeper = Backups(state, tmp_path / "site", journal, deliver, SystemClock(), settle=0.0, breath=0.0)
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(20):
            while rows(state.journal, "SELECT count(*) FROM event")[0][0] != 1:
                await asyncio.sleep(0.05)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_damaged_backup_is_refused_before_anything_is_touched(
    state: StateFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    await written(state, *(event(n, NEW) for n in range(1, 400)))
    made = back_up(state, None, NEW)
    copy = made / "journal.db"
    whole = copy.read_bytes()
    copy.write_bytes(whole[:8192] + b"\x55" * 8192 + whole[16384:])
    assert main_restore(state.path, made.name) == 1
    assert "restore" in capsys.readouterr().err
    assert len(rows(state.journal, "SELECT seq FROM event")) == 399


async def test_the_commands_make_list_and_put_back_but_not_under_a_running_daemon(
    state: StateFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_backup(tmp_path / "nowhere", None) == 1
    await written(state, event(1, NEW))
    assert main_backup(state.path, None) == 0
    (made,) = backups(state)
    await written(state, event(2, NEW))
    capsys.readouterr()
    assert main_restore(state.path, None) == 0
    assert made.name in capsys.readouterr().out
    with state_folder(state.path):
        assert main_restore(state.path, made.name) == 1
    assert main_restore(state.path, "20010101T000000Z") == 1
    assert main_restore(state.path, made.name) == 0
    assert [row[0] for row in rows(state.journal, "SELECT seq FROM event")] == [1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_what_root_makes_and_puts_back_belongs_to_the_daemon(state: StateFolder, tmp_path: Path) -> None:
    """The daemon runs as a user of its own: a journal of root's would stop it, a folder of root's its next backup."""
    site = tmp_path / "site"
    (site / "secrets").mkdir(parents=True)
    (site / "secrets" / "mqtt.password").write_text("x")
    await written(state, event(1, NEW))
    for one in (state.path, *state.path.rglob("*")):
        os.chown(one, 4711, 4712)
    assert main_backup(state.path, site) == 0
    (made,) = backups(state)
    assert main_restore(state.path, made.name) == 0
    assert {(one.stat().st_uid, one.stat().st_gid) for one in (state.path, *state.path.rglob("*"))} == {(4711, 4712)}
    assert (made / "site" / "secrets" / "mqtt.password").exists()


async def test_old_records_make_room_and_what_a_restart_needs_stays(state: StateFolder) -> None:
    """HH-5, PE-6, CR-8: the oldest are overwritten by rule; open alarms, numbering and cards are not."""
    standing = transition("wall.cut", AlarmState.UNACKNOWLEDGED, OLD)
    over = transition("door-01.forced", AlarmState.UNACKNOWLEDGED, OLD)
    newest = replace(over, after=AlarmState.NORMAL, trigger=Trigger.CLEAR, decided=NEW)
    card = CardChange("c-1", "issue", OLD, "li", "desk", "resident", "h-1", "h-1", ("door-01",), OLD, None, "")
    quiet = event(7, OLD, "d-2")
    await written(
        state, standing, over, card, quiet, *(event(n, OLD) for n in range(1, 50)), Audit(OLD, "li", "desk", "sign-in"),
        newest, event(50, NEW), Audit(NEW, "li", "desk", "sign-in"),
    )  # fmt: skip
    with Journal(state.journal) as journal:
        assert await journal.commit([Forget(NEW - timedelta(days=30))])
        assert {one.alarm: one.after for one in journal.last_transitions()} == {
            "wall.cut": AlarmState.UNACKNOWLEDGED, "door-01.forced": AlarmState.NORMAL
        }  # fmt: skip
        assert {one.device: one.contiguous for one in journal.device_histories()} == {"d-1": 50, "d-2": 7}
        assert [one.card for one in journal.card_changes()] == ["c-1"]
        assert [one["at"] for one in journal.newest("audit")] == [NEW.isoformat()]
        assert await journal.commit([event(n, NEW) for n in range(51, 90)])
        assert journal.newest("event")[0]["seq"] == 89
    assert len(rows(state.journal, "SELECT 1 FROM event")) == 41


async def test_forgetting_a_talkative_device_does_not_hold_the_writer_up(state: StateFolder) -> None:
    """Three seconds for ten thousand events of one reader: every hour the journal counted as failed."""
    with Journal(state.journal) as journal:
        for block in range(4):
            await journal.commit([event(n, OLD) for n in range(1 + 3000 * block, 3001 + 3000 * block)])
        await journal.commit([event(20_000, NEW)])
        assert await journal.commit([Forget(NEW - timedelta(days=30))])  # False: not within a second
    assert rows(state.journal, "SELECT count(*) FROM event")[0][0] == 2001


async def test_forgetting_looks_at_the_front_only_and_is_quick(state: StateFolder) -> None:
    """A hundred thousand rows, few of them old: the writer is not held up."""
    await written(state, *(event(n, OLD) for n in range(1, 10)))
    with Journal(state.journal) as journal:
        for block in range(20):
            await journal.commit([event(n, NEW) for n in range(100 + 5000 * block, 5100 + 5000 * block)])
        begun = asyncio.get_running_loop().time()
        assert await journal.commit([Forget(NEW - timedelta(days=30))])
        assert asyncio.get_running_loop().time() - begun < 1.0
    assert rows(state.journal, "SELECT count(*) FROM event")[0][0] == 100_000
    shutil.rmtree(state.path)

"""Journals of earlier releases open, keep what they hold, and go on."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.journal import Journal
from daemon.records import Memory
from rules.alarm import AlarmId, AlarmState, Trigger
from rules.engine import Engine
from rules.suppression import UNSUPPRESSED
from tests.rules.watching import IT, Watching, class_of, instances, watching

OLD = sorted((Path(__file__).parents[1] / "journals").glob("v*.sql"))


def opened(script: Path, folder: Path) -> Path:
    path = folder / "journal.db"
    connection = sqlite3.connect(path)
    connection.executescript(script.read_text("utf-8"))
    connection.close()
    return path


@pytest.mark.parametrize("script", OLD, ids=lambda script: script.stem)
async def test_an_old_journal_opens_and_is_written_on(script: Path, tmp_path: Path) -> None:
    path = opened(script, tmp_path)
    with Journal(path) as journal:
        intrusion, high = journal.last_transitions()
        assert (intrusion.after, intrusion.latched) == (AlarmState.LATCHED_UNACKNOWLEDGED, True)
        assert (high.after, high.by, high.note, high.suppression) == (
            AlarmState.ACKNOWLEDGED, "li", "派人查看", UNSUPPRESSED,
        )  # fmt: skip
        since = datetime(2026, 3, 1, 7, 0, 30, tzinfo=UTC)
        assert journal.announced_since(since) == [
            (AlarmId("sump-1.high_level"), datetime(2026, 3, 1, 7, 1, tzinfo=UTC))
        ]
        assert journal.memory() == {}
        await journal.commit([high])
        assert journal.last_transitions()[-1] == high


async def test_a_standing_alarm_of_an_old_journal_still_latches(tmp_path: Path) -> None:
    """Before schema step 2 nothing said that an alarm that is there is latched."""
    it = watching("running", kind="latched")
    it.set(running=True)
    with Journal(tmp_path / "journal.db") as journal:
        await journal.commit(it.journal)
    connection = sqlite3.connect(tmp_path / "journal.db")
    connection.execute("UPDATE transition SET latched = 0")
    connection.commit()
    connection.close()
    with Journal(tmp_path / "journal.db") as journal:
        (rule,) = instances(class_of("running", kind="latched"))
        fresh = Watching(Engine([rule]), rule)
        fresh.engine.restore(journal.last_transitions())
        (cleared,) = fresh.set(running=False)
        assert cleared.trigger is Trigger.CLEAR_LATCHING


async def test_what_lies_over_an_alarm_and_what_is_to_be_remembered_come_back(tmp_path: Path) -> None:
    it = watching("running", on_delay=60, suppress_when="ready")
    it.set(running=True, ready=True)
    it.shelve()
    it.remove(60)
    with Journal(tmp_path / "journal.db") as journal:
        memories = [Memory(key, body) for key, body in it.engine.take_memory(it.now).items()]
        await journal.commit([*it.journal, *memories])
        assert journal.last_transitions() == it.journal[-1:]
        assert journal.memory()[IT]["toward"] is True
        await journal.commit([Memory(IT, {"toward": False}), Memory(IT, None)])
        assert IT not in journal.memory()

"""What the journal says of commands: which are still to be taken back, what was not done, what a flood pushes out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.journal import Journal
from daemon.ledger import ALARM, END, REMEMBERED, TIMETABLE, Ledger, State
from daemon.records import Forget, Step

LONG_AGO = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)


@dataclass
class Book:
    """Writes steps one minute after the other."""

    journal: Journal
    ledger: Ledger
    at: datetime = LONG_AGO
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    async def command(
        self, action: str, *states: State, by: str = "li", reason: str = "work", minutes: float = 0, target: str = "z-1"
    ) -> str:
        name = f"c-{next(self.numbers)}"
        said = {State.REQUESTED: f"{by}: {reason}", State.UNTIL: (self.at + timedelta(minutes=minutes)).isoformat()}
        for state in (State.REQUESTED, *((State.UNTIL,) if minutes else ()), *states):
            self.at += timedelta(minutes=1)
            await self.journal.commit([Step(name, "", 0, target, action, state, self.at, said.get(state, ""))])
        return name

    @property
    def standing(self) -> list[str]:
        return [one.command for one in self.ledger.not_taken_back()]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with Journal(tmp_path / "journal.db") as journal:
        yield Book(journal, Ledger(journal))


async def test_whatever_was_sent_and_has_no_confirmed_end_is_still_to_be_taken_back_however_old(book: Book) -> None:
    for state in (State.CONFIRMED, State.UNKNOWN, State.FAILED):
        given = await book.command("bypass", State.SENT, state, minutes=30, target=f"z-{state}")
        assert given in book.standing
    (entry, *_) = book.ledger.not_taken_back()
    assert (entry.target, entry.action, entry.state) == ("z-confirmed", "bypass", State.CONFIRMED)
    assert entry.until == LONG_AGO + timedelta(minutes=30)
    interrupted = await book.command("bypass", State.SENT, minutes=30, target="z-9")
    assert interrupted in book.standing


async def test_what_was_never_sent_needs_no_end(book: Book) -> None:
    await book.command("bypass", State.REFUSED, minutes=30)
    await book.command("bypass", State.REPLACED, minutes=30)
    await book.command("bypass", State.FAILED, minutes=30)
    await book.command("bypass", State.SENT, State.CONFIRMED)
    assert book.standing == []


async def test_only_a_confirmed_end_of_the_same_command_ends_it(book: Book) -> None:
    given = await book.command("bypass", State.SENT, State.CONFIRMED, minutes=30)
    for state in (State.FAILED, State.UNKNOWN):
        await book.command("unbypass", State.SENT, state, by=END, reason="bypass")
    await book.command("arm", State.SENT, State.CONFIRMED, by=END, reason="disarm")
    await book.command("unbypass", State.SENT, State.CONFIRMED, by=END, reason="bypass", target="z-2")
    assert book.standing[0] == given
    await book.command("unbypass", State.SENT, State.CONFIRMED, by=END, reason="bypass")
    assert book.standing == []


async def test_one_that_was_given_again_after_its_end_stands_and_the_older_one_does_not(book: Book) -> None:
    await book.command("bypass", State.SENT, State.CONFIRMED, minutes=30)
    await book.command("unbypass", State.SENT, State.CONFIRMED, by=END, reason="bypass")
    again = await book.command("bypass", State.SENT, State.CONFIRMED, minutes=30)
    assert book.standing == [again]


async def test_a_journal_that_is_too_large_keeps_what_is_to_be_taken_back(book: Book) -> None:
    book.at = datetime.now(UTC) - timedelta(days=20)
    given = await book.command("bypass", State.SENT, State.CONFIRMED, minutes=30)
    await book.command("bypass", State.SENT, State.CONFIRMED, minutes=30, target="z-2")
    await book.command("unbypass", State.SENT, State.CONFIRMED, by=END, reason="bypass", target="z-2")
    await book.command("switch_on", State.SENT, State.CONFIRMED, target="lamp-1")
    await book.journal.commit([Forget(datetime.now(UTC))])
    assert book.standing == [given]
    assert [row["command"] for row in book.journal.newest("step") if row["target"] == "lamp-1"] == []


async def test_what_people_did_afterwards_is_told_too_and_what_alarms_and_timetables_did_is_not(book: Book) -> None:
    before = await book.command("unbypass", State.SENT, State.CONFIRMED)
    given = await book.command("bypass", State.SENT, State.CONFIRMED, minutes=30)
    await book.command("bypass", State.SENT, State.CONFIRMED, by=ALARM, reason="z-1.intrusion")
    await book.command("bypass", State.SENT, State.CONFIRMED, by=TIMETABLE, reason="nights")
    await book.command("bypass", State.SENT, State.CONFIRMED, target="z-2")
    after = await book.command("unbypass", State.SENT, State.CONFIRMED)
    assert book.standing == [given, after]
    assert before not in book.standing


async def test_what_was_not_done_is_what_the_last_command_of_an_equipment_came_to(book: Book) -> None:
    await book.command("bypass", State.SENT, State.UNKNOWN)
    await book.command("unbypass", State.SENT, State.CONFIRMED)
    await book.command("bypass", State.SENT, State.CONFIRMED, target="z-2")
    failed = await book.command("unbypass", State.SENT, State.FAILED, target="z-2")
    await book.command("bypass", State.REFUSED, target="z-2")
    assert [(one.command, one.step) for one in book.ledger.not_done()] == [(failed, "failed")]


async def test_a_flood_does_not_push_out_a_command_that_has_no_end_yet(book: Book) -> None:
    def step(command: str, state: State) -> Step:
        return Step(command, "", 0, "lamp-1", "switch_on", state, LONG_AGO)

    ledger = book.ledger
    ledger.note(step("slow", State.REQUESTED))
    await ledger.stamp(step("slow", State.SENT))
    for number in range(REMEMBERED + 100):
        ledger.note(step(f"f-{number}", State.REQUESTED), step(f"f-{number}", State.REPLACED))
    ledger.note(step("slow", State.CONFIRMED))
    slow = ledger.known("slow")
    assert slow is not None
    assert [one.step for one in slow.steps] == ["requested", "sent", "confirmed"]
    assert ledger.known("f-0") is None


async def test_what_is_noted_is_written_with_the_next_step_of_its_command_and_else_in_one_commit(book: Book) -> None:
    def step(command: str, state: State) -> Step:
        return Step(command, "", 0, "lamp-1", "switch_on", state, LONG_AGO)

    def written() -> list[tuple[str, str]]:
        return [(row["command"], row["step"]) for row in reversed(book.journal.newest("step", 3000))]

    ledger = book.ledger
    for number in range(1000):
        ledger.note(step(f"f-{number}", State.REQUESTED))
    assert written() == []
    await ledger.stamp(step("f-500", State.SENT))
    assert written() == [("f-500", "requested"), ("f-500", "sent")]
    before = book.journal.commits
    await ledger.flush()
    await ledger.flush()
    assert book.journal.commits == before + 1
    assert len(written()) == 1001


async def test_a_state_folder_may_be_called_anything(tmp_path: Path) -> None:
    """`%23` in a path is a `#` for SQLite unless it is written as a URI has it."""
    path = tmp_path / "100%23 ok?"
    path.mkdir()
    with Journal(path / "journal.db") as journal:
        name = await Book(journal, Ledger(journal)).command("bypass", State.SENT, State.CONFIRMED)
        assert (await Ledger(journal).find(name)).state is State.CONFIRMED

"""What came of a played week, for people: figures, and one line for each fault."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tests.library.week.estate import PlayedEstate, Raised
from tests.library.week.ordeal import Result
from tests.library.week.plan import rows

HEADING = f"{'fault':38} {'thing':16} {'alarm':44} {'P':1} {'delay s':>9} {'limit s':>9} {'with it':>7}"


def figures(estate: PlayedEstate, wall: float, cpu: float) -> str:
    """Played and real time, and how much happened."""
    told = Counter(one.priority for one in estate.raised if not one.hidden)
    hidden = sum(one.hidden for one in estate.raised)
    priorities = ", ".join(f"P{priority} {told[priority]}" for priority in (1, 2, 3, 4))
    return (
        f"{estate.played / 86400.0:.2f} days played in {wall:.0f} s ({cpu:.0f} s of CPU); "
        f"{sum(line.asked for line in estate.lines)} blocks read, {estate.pipeline.changed} values changed, "
        f"{estate.journal.written} records; alarms told: {priorities}; explained by others: {hidden}"
    )


def raised(estate: PlayedEstate, one: Raised) -> str:
    """An alarm at its time on the estate."""
    return f"{estate.local(one.at):%a %H:%M:%S} P{one.priority} {one.alarm}"


def lines(one: Result) -> Iterator[str]:
    """What a fault raised, after how long, what was allowed, how much came along; and what is wrong with it."""
    fault = one.fault
    if fault.alarm is None:
        yield f"{fault.name:38} {fault.row.thing:16} nothing: {fault.row.nothing}"
    else:
        delay = "none" if one.delay is None else f"{one.delay:.1f}"
        told = f"{fault.alarm:44} {one.priority} {delay:>9} {one.limit:9.1f} {len(one.companions):7}"
        yield f"{fault.name:38} {fault.row.thing:16} {told}"
    if one.wrong:
        yield f"    WRONG: {one.wrong}"


def not_seen(name: str) -> str:
    """Why nobody is told of a fault."""
    return f"{name:38} {rows()[name].thing:16} not seen: {rows()[name].unseen}"


def summary(results: Sequence[Result]) -> str:
    """How many did what they had to."""
    alarmed = sum(one.delay is not None for one in results)
    quiet = sum(one.fault.alarm is None for one in results)
    wrong = sum(bool(one.wrong) for one in results)
    return f"{len(results)} faults: {alarmed} alarmed, {quiet} had to be quiet, {wrong} wrong"


def table(results: Sequence[Result], unseen: Iterable[str] = ()) -> Iterator[str]:
    """All of it."""
    yield HEADING
    for one in results:
        yield from lines(one)
    yield from (not_seen(name) for name in unseen)
    yield summary(results)

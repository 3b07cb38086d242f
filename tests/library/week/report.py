"""What came of a played week, for people: figures, and one line for each fault."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tests.library.week.estate import PlayedEstate
from tests.library.week.ordeal import Result
from tests.library.week.plan import rows


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


def table(results: Sequence[Result], unseen: Iterable[str] = ()) -> Iterator[str]:
    """A line for each fault: what it raised, after how long, what was allowed, and what came along."""
    yield f"{'fault':38} {'thing':16} {'alarm':44} {'P':1} {'delay s':>9} {'limit s':>9} {'with it':>7}"
    for one in results:
        fault = one.fault
        if fault.alarm is None:
            yield f"{fault.name:38} {fault.row.thing:16} nothing: {fault.row.nothing}"
        else:
            delay = "none" if one.delay is None else f"{one.delay:.1f}"
            told = f"{fault.alarm:44} {one.priority} {delay:>9} {one.limit:9.1f} {len(one.companions):7}"
            yield f"{fault.name:38} {fault.row.thing:16} {told}"
        if one.wrong:
            yield f"    WRONG: {one.wrong}"
    for name in unseen:
        yield f"{name:38} {rows()[name].thing:16} not seen: {rows()[name].unseen}"
    alarmed = sum(one.delay is not None for one in results)
    quiet = sum(one.fault.alarm is None for one in results)
    wrong = sum(bool(one.wrong) for one in results)
    yield f"{len(results)} faults: {alarmed} alarmed, {quiet} had to be quiet, {wrong} wrong"

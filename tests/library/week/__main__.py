"""`python -m tests.library.week clean 7`, `faults`, `slow`: the long plays by hand, with their figures and tables.

`faults` and `slow` take names of faults (`sump.*`) after them; without, all are played. The exit code is 1 where
something is wrong.
"""

import sys
from collections.abc import Awaitable, Callable
from fnmatch import fnmatch
from time import perf_counter, process_time

from tests.library.week.estate import BRISK, CLOSE, STEADY, PlayedEstate, played, riverside
from tests.library.week.ordeal import Ordeal
from tests.library.week.plan import rows
from tests.library.week.report import figures, table

SEED = 7
DAY = 86400.0


def chosen(patterns: list[str], slow: bool) -> list[str]:
    """Faults that can be seen, of the one kind or the other."""
    wanted = patterns or ["*"]
    return [
        name
        for name, row in rows().items()
        if not row.unseen and row.slow is slow and any(fnmatch(name, pattern) for pattern in wanted)
    ]


def main(what: str, given: list[str]) -> int:
    wrong = 0

    async def clean(estate: PlayedEstate) -> None:
        nonlocal wrong
        await estate.go(float(given[0] if given else 7) * DAY, STEADY)
        for one in estate.raised:
            if not one.hidden:
                print(f"{estate.local(one.at):%a %H:%M:%S} P{one.priority} {one.alarm}")
                wrong += one.priority <= 2

    async def faults(estate: PlayedEstate) -> None:
        nonlocal wrong
        await estate.go(60.0, CLOSE)
        ordeal = Ordeal(estate)
        await ordeal.suffer(chosen(given, slow=False))
        print(*table(ordeal.results, [name for name, row in rows().items() if row.unseen and not given]), sep="\n")
        wrong += sum(bool(one.wrong) for one in ordeal.results)

    async def slow(estate: PlayedEstate) -> None:
        nonlocal wrong
        await estate.go(60.0, CLOSE)
        ordeal = Ordeal(estate, BRISK)
        await ordeal.suffer_together(chosen(given, slow=True))
        print(*table(ordeal.results), sep="\n")
        wrong += sum(bool(one.wrong) for one in ordeal.results)

    plays: dict[str, Callable[[PlayedEstate], Awaitable[None]]] = {"clean": clean, "faults": faults, "slow": slow}

    async def timed(estate: PlayedEstate) -> None:
        wall, cpu = perf_counter(), process_time()
        await plays[what](estate)
        print(figures(estate, perf_counter() - wall, process_time() - cpu))

    played(timed, riverside(), seed=SEED, traffic=1.0 if what == "clean" else 4.0)
    return min(wrong, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))

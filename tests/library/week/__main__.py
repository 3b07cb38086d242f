"""`python -m tests.library.week clean 7`, `faults`, `slow`: the long plays by hand, told as they go, with figures.

`clean 1 --day 5` begins five days later, a Saturday, `--seed 8` with other weather and other people. `faults` and
`slow` take names of faults (`sump.*`); without, all are played. The exit code is 1 where something is wrong.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from fnmatch import fnmatch
from time import perf_counter, process_time

from tests.library.week.estate import BRISK, CLOSE, STEADY, PlayedEstate, played, riverside
from tests.library.week.ordeal import Ordeal, Result
from tests.library.week.plan import rows
from tests.library.week.report import HEADING, figures, lines, not_seen, raised, summary

SEED = 7
HOUR, DAY = 3600.0, 86400.0


def chosen(patterns: list[str], slow: bool) -> list[str]:
    """Faults that can be seen, of the one kind or the other."""
    wanted = patterns or ["*"]
    return [
        name
        for name, row in rows().items()
        if not row.unseen and row.slow is slow and any(fnmatch(name, pattern) for pattern in wanted)
    ]


def tell(*told: str) -> None:
    """At once, where the output goes into a file too."""
    for line in told:
        print(line, flush=True)


def main(words: list[str]) -> int:
    asked = ArgumentParser(prog="python -m tests.library.week")
    asked.add_argument("--seed", type=int, default=SEED)
    plays = asked.add_subparsers(dest="what", required=True)
    clean_play = plays.add_parser("clean")
    clean_play.add_argument("days", type=float, nargs="?", default=7.0)
    clean_play.add_argument("--day", type=int, default=0, help="days after Monday on which it begins")
    for what in ("faults", "slow"):
        plays.add_parser(what).add_argument("names", nargs="*")
    given = asked.parse_args(words)
    wrong = 0

    async def clean(estate: PlayedEstate) -> None:
        nonlocal wrong
        end = given.days * DAY
        while estate.played < end:
            before = len(estate.raised)
            await estate.go(min(HOUR, end - estate.played), STEADY)
            new = [one for one in estate.raised[before:] if not one.hidden]
            tell(*(raised(estate, one) for one in new))
            wrong += sum(one.priority <= 2 for one in new)
            if estate.played % DAY < HOUR:
                tell(f"-- {estate.local(estate.played):%a %H:%M}, {estate.played / DAY:.0f} days")

    async def faults(estate: PlayedEstate) -> None:
        await estate.go(60.0, CLOSE)
        await judge(Ordeal(estate), slow=False)
        tell(*(not_seen(name) for name, row in rows().items() if row.unseen and not given.names))

    async def slow(estate: PlayedEstate) -> None:
        await estate.go(60.0, CLOSE)
        await judge(Ordeal(estate, BRISK), slow=True)

    async def judge(ordeal: Ordeal, slow: bool) -> None:
        nonlocal wrong
        tell(HEADING)

        def told(result: Result) -> None:
            tell(*lines(result))

        ordeal.told = told
        await (ordeal.suffer_together if slow else ordeal.suffer)(chosen(given.names, slow))
        tell(summary(ordeal.results))
        wrong += sum(bool(one.wrong) for one in ordeal.results)

    acts: dict[str, Callable[[PlayedEstate], Awaitable[None]]] = {"clean": clean, "faults": faults, "slow": slow}

    async def timed(estate: PlayedEstate) -> None:
        wall, cpu = perf_counter(), process_time()
        await acts[given.what](estate)
        tell(figures(estate, perf_counter() - wall, process_time() - cpu))

    day = given.day if given.what == "clean" else 0
    played(timed, riverside(), seed=given.seed, traffic=1.0 if given.what == "clean" else 4.0, day=day)
    return min(wrong, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

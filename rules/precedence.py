"""In which order the rules of one moment move: those that explain others first, so that these are born explained."""

from collections.abc import Iterable, Iterator

from rules.watch import Watch


def set_precedence(watches: Iterable[Watch]) -> None:
    """Number the watches of alarms and companions within their ranks, parents before children."""
    watches = list(watches)
    numbers = {watch: number for number, watch in enumerate(_parents_first(one for one in watches if one.owner is one))}
    for watch in watches:
        watch.rank = watch.rank * len(numbers) + numbers[watch.owner]


def _parents_first(alarms: Iterable[Watch]) -> Iterator[Watch]:
    """Depth first, without recursion: a site's supply is a long chain. Alarms that explain each other come anyhow."""
    seen: set[Watch] = set()
    done: set[Watch] = set()
    for alarm in alarms:
        waiting = [alarm]
        while waiting:
            watch = waiting[-1]
            if watch not in seen:
                seen.add(watch)
                waiting.extend(one for together in watch.parents for one in together if one not in seen)
                continue
            waiting.pop()
            if watch not in done:
                done.add(watch)
                yield watch


def in_turn(watch: Watch) -> tuple[bool, int]:
    """Of what is judged at one moment. Companions come first: a raising carries its priority at once."""
    return watch.owner is watch, watch.rank

"""Everything that can be told to fail, found by id: equipment first, then its devices, units, lines, adapters."""

from collections.abc import Iterable, Mapping
from typing import Any

from estate.errors import CommandRefused
from simulators.faults import Breakable, Details


class Targets:
    """Several things may carry one id (a door and its controller): the first that offers the fault takes it.

    `kind:id` picks one: `adapter:gate`, `mqtt:door-03`, `modbus:sump-1-ctl`, `bus:pumps`, `door:door-03`.
    """

    def __init__(self, things: Iterable[Breakable], behind: Mapping[str, Iterable[str]]) -> None:
        self._things: dict[str, list[Breakable]] = {}
        for thing in things:
            self._things.setdefault(thing.name, []).append(thing)
        self._behind = {name: tuple(devices) for name, devices in behind.items()}

    def inject(self, target: str, fault: str, seconds: float | None = None, details: Details | None = None) -> None:
        """A fault that stands, or an act. Raises CommandRefused for an unknown target or a fault it does not offer."""
        self._find(target, fault).inject(fault, seconds, details)

    def clear(self, target: str, fault: str | None = None) -> list[str]:
        """End what stands on a target and the devices behind it. Raises CommandRefused for an unknown target."""
        return [name for thing in self._candidates(target) for name in thing.clear(fault)]

    def clear_all(self) -> list[str]:
        return [
            f"{thing.name}: {name}" for things in self._things.values() for thing in things for name in thing.clear()
        ]

    def expire(self, now: float) -> None:
        """Let faults of devices and lines end at simulated second `now` (plants keep their own time)."""
        for things in self._things.values():
            for thing in things:
                thing.expire(now)

    def describe(self) -> list[dict[str, Any]]:
        """What can be done to what."""
        return [
            {
                "target": thing.name,
                "kind": thing.kind,
                "faults": dict(thing.faults_offered),
                "acts": {**thing.acts_offered, **thing.shortcuts, "restore": "end every fault"},
                "standing": sorted(thing.faults),
            }
            for things in self._things.values()
            for thing in things
        ]

    def _find(self, target: str, fault: str) -> Breakable:
        candidates = self._candidates(target)
        for thing in candidates:
            if thing.offers(fault):
                return thing
        offered = sorted({word for thing in candidates for word in (*thing.faults_offered, *thing.acts_offered)})
        raise CommandRefused(f"{target} offers no {fault}; it offers {', '.join(offered)}")

    def _candidates(self, target: str) -> list[Breakable]:
        kind, _, name = target.rpartition(":")
        found = [thing for thing in self._things.get(name, []) if kind in ("", thing.kind)]
        if not kind:
            found += [
                thing for device in self._behind.get(name, ()) for thing in self._things[device] if thing not in found
            ]
        if not found:
            raise CommandRefused(f"there is no {target} here")
        return found

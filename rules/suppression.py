"""What keeps an alarm out of the operator's list: laid over its state, each kind by itself, several at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

AlarmId = NewType("AlarmId", str)


class SuppressionKind(StrEnum):
    """Letters as in the diagram of ANSI/ISA-18.2-2016; where several apply, the first of these is shown."""

    OUT_OF_SERVICE = "out of service"  # G
    BY_DESIGN = "suppressed by design"  # F
    SHELVED = "shelved"  # E


@dataclass(frozen=True, slots=True)
class Shelf:
    """An operator put it aside; it always has an end (UTC)."""

    by: str
    since: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Removal:
    """A supervisor took it out of service on a work order; `until` None: until someone returns it."""

    by: str
    since: datetime
    reason: str
    order: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """Logic holds it back: the rule's `suppress_when` (`condition`), alarms that explain it (`parents`), or both."""

    since: datetime
    condition: bool = False
    parents: tuple[AlarmId, ...] = ()


@dataclass(frozen=True, slots=True)
class Suppression:
    """All that suppresses one alarm now. Leaving one kind does not lift another.

    An empty one is always UNSUPPRESSED itself, so that `is` is enough to ask.
    """

    shelf: Shelf | None = None
    design: Design | None = None
    removal: Removal | None = None

    @property
    def shown(self) -> SuppressionKind | None:
        if self.removal is not None:
            return SuppressionKind.OUT_OF_SERVICE
        if self.design is not None:
            return SuppressionKind.BY_DESIGN
        return SuppressionKind.SHELVED if self.shelf is not None else None

    @property
    def kinds(self) -> frozenset[SuppressionKind]:
        parts = {
            SuppressionKind.OUT_OF_SERVICE: self.removal,
            SuppressionKind.BY_DESIGN: self.design,
            SuppressionKind.SHELVED: self.shelf,
        }
        return frozenset(kind for kind, part in parts.items() if part is not None)

    def with_shelf(self, shelf: Shelf | None) -> "Suppression":
        return _sole(replace(self, shelf=shelf))

    def with_removal(self, removal: Removal | None) -> "Suppression":
        return _sole(replace(self, removal=removal))

    def with_design(self, since: datetime, condition: bool, parents: tuple[AlarmId, ...]) -> "Suppression":
        """`since` stays that of the design suppression that is there already."""
        if not condition and not parents:
            return _sole(replace(self, design=None))
        begun = self.design.since if self.design is not None else since
        return replace(self, design=Design(begun, condition, parents))

    @property
    def by_condition(self) -> bool:
        return self.design is not None and self.design.condition

    @property
    def parents(self) -> tuple[AlarmId, ...]:
        return self.design.parents if self.design is not None else ()

    def data(self) -> dict[str, Any]:
        """As JSON has it: the kind that is shown, and every part that applies."""
        found: dict[str, Any] = {"kind": self.shown.value if self.shown is not None else None}
        if self.shelf is not None:
            one = self.shelf
            found["shelf"] = {"by": one.by, "since": _iso(one.since), "until": _iso(one.until), "reason": one.reason}
        if self.design is not None:
            design = self.design
            found["design"] = {
                "since": _iso(design.since), "condition": design.condition, "parents": list(design.parents)
            }  # fmt: skip
        if self.removal is not None:
            removal = self.removal
            found["removal"] = {
                "by": removal.by,
                "since": _iso(removal.since),
                "reason": removal.reason,
                "order": removal.order,
                "until": _iso(removal.until),
            }
        return found


UNSUPPRESSED = Suppression()


def _sole(one: Suppression) -> Suppression:
    return UNSUPPRESSED if one == UNSUPPRESSED else one


def suppression_of(data: Mapping[str, Any]) -> Suppression:
    """What `Suppression.data` wrote. Raises KeyError or ValueError for anything else."""
    shelf, design, removal = data.get("shelf"), data.get("design"), data.get("removal")
    when = datetime.fromisoformat
    return _sole(
        Suppression(
            Shelf(shelf["by"], when(shelf["since"]), when(shelf["until"]), shelf["reason"]) if shelf else None,
            Design(when(design["since"]), design["condition"], tuple(map(AlarmId, design["parents"])))
            if design
            else None,
            Removal(
                removal["by"],
                when(removal["since"]),
                removal["reason"],
                removal["order"],
                when(removal["until"]) if removal["until"] else None,
            )
            if removal
            else None,
        )
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

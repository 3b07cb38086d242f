"""The shared words: points and their samples, events, deliveries, and the two clocks as one `Now`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import Any, NewType, Protocol

DeviceId = NewType("DeviceId", str)
EquipmentId = NewType("EquipmentId", str)
PointId = NewType("PointId", str)

Value = bool | int | float | str


def point_id(device: str, name: str) -> PointId:
    """The id of a device's point: `sump-1-ctl.level`."""
    return PointId(f"{device}.{name}")


class Quality(StrEnum):
    """How far a value can be trusted (levels after OPC UA Part 8 StatusCode: good, uncertain, bad)."""

    GOOD = "good"
    STALE = "uncertain: stale"
    OUT_OF_RANGE = "uncertain: out of range"
    NO_COMMUNICATION = "bad: no communication"
    SENSOR_FAULT = "bad: sensor fault"
    DECODE = "bad: decode"
    CONFIGURATION = "bad: configuration"

    @property
    def is_bad(self) -> bool:
        return self.value.startswith("bad")


@dataclass(frozen=True, slots=True)
class Cause:
    """The device event that led to a sample or an alarm: its identity in the whole estate."""

    device: DeviceId
    boot: str
    seq: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of a point at a time, with its quality. A bad sample has no value.

    `at` is the time of measurement in UTC (the device's own when it can be trusted), `received` is
    monotonic seconds, used for age. `reason` says in a few words why the quality is not good.
    """

    point: PointId
    value: Value | None
    quality: Quality
    at: datetime
    received: float
    cause: Cause | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something a device says happened. (device, boot, seq) is unique for ever.

    `at` is the device's own time (None when it sent none or nonsense), `rx` our time of receipt.
    `historic` events were buffered by the device and never raise a live alarm.
    """

    device: DeviceId
    boot: str
    seq: int
    type: str
    at: datetime | None
    rx: datetime
    historic: bool
    data: Mapping[str, Any]
    clock: str = "sync"
    ref: str = ""

    @property
    def cause(self) -> Cause:
        return Cause(self.device, self.boot, self.seq)


def nothing() -> None:
    """For a callback that nobody waits for."""


def unheeded(durable: bool) -> None:
    """The `settled` of a delivery that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a driver hands to the inbox, in the order in which it must be applied.

    `settled` is called once the events and all that followed from them have been dealt with: True when the
    journal holds them, and only then may the driver acknowledge to the device; False when the disk refuses
    and they are kept in memory: the broker may forget its message, the device must not forget its event.
    `seen` are points whose value and quality the device gave again, unchanged, at `seen_at` (monotonic s):
    they only keep the value fresh.
    """

    samples: Sequence[Sample] = ()
    events: Sequence[Event] = ()
    life_safety: bool = False
    settled: Callable[[bool], None] = field(default=unheeded)
    seen: Sequence[PointId] = ()
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on both clocks: `utc` for people and records, `mono` (s) for every delay and age."""

    utc: datetime
    mono: float


class Clock(Protocol):
    """The only way to ask for the time; tests bring their own."""

    def now(self) -> Now: ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Now:
        return Now(datetime.now(UTC), monotonic())

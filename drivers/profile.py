"""A profile: what one *model* of device offers, as inert data with its source. The format in one place."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from estate.model import Value
from estate.strict import Strict

T = TypeVar("T")

Listed = Annotated[tuple[T, ...], Field(strict=False)]
"""A YAML list. Only the container is converted; what stands in it stays strict."""

Span = Annotated[tuple[T, T], Field(strict=False)]


def _raw_key(key: object) -> object:
    return int(key) if isinstance(key, str) and key.removeprefix("-").isdecimal() else key


Raw = Annotated[int, BeforeValidator(_raw_key)]
"""A raw register value as a key; the site's YAML loader hands every key over as text."""


class Evidence(StrEnum):
    """Where the register map was read (devices are only as real as their source)."""

    VENDOR = "vendor"  # the maker's own manual
    DRIVER = "driver"  # a maintained open-source driver run against real units
    LIBRARY = "library"  # a third-party transcription
    GENERIC = "generic"  # no product: contacts and loops bound per site
    OWN = "own"  # a convention of this project


class Proof(StrEnum):
    """What the capture in tests/profiles/<profile> is. Only a recorded one proves the map."""

    RECORDED = "recorded"  # read from a real unit, with firmware and date
    MANUAL = "manual"  # worked out by hand from the maker's tables
    NONE = "none"


class Table(StrEnum):
    COIL = "coil"  # FC01, written by FC05
    DISCRETE = "discrete"  # FC02
    HOLDING = "holding"  # FC03, written by FC06/16
    INPUT = "input"  # FC04

    @property
    def is_bits(self) -> bool:
        return self in (Table.COIL, Table.DISCRETE)


class RegisterType(StrEnum):
    BOOL = "bool"
    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    TEXT = "text"

    @property
    def registers(self) -> int:
        """Registers of 16 bits (TEXT: given by `length`)."""
        return {"32": 2, "64": 4}.get(self.value[-2:], 1)


WordOrder = Literal["high_first", "low_first"]


SLOW_EVERY = 10
"""A `slow` point is read every tenth cycle, so it may be ten times as old before it is stale."""


class RegisterPoint(Strict):
    """One point in a Modbus register map. `address` is counted from the profile's `address_base`.

    `bit` picks one bit, `bits` [shift, width] a range (4 wide: a nibble). Value = raw * scale / divisor + offset.
    `sentinels` are raw values of the whole register that mean "no value", with their reason. `enum` names
    raw values, in place or by the name of one of the profile's `enums`; one named null means "not there"
    (sensor fault), one it does not name is bad (decode). On coils and discretes `length` takes so many
    neighbours together: true when any of them is, or with an `enum` the number whose lowest bit is the
    first of them. `current_loop` marks a 4-20 mA input in mA, scaled per
    site and judged after NAMUR NE43. `pulses` marks a pulse counter, scaled per site: no pulse is `low`, one
    pulse `high`. `status_point` names the point with the module's own verdict on this
    input: an enum whose word `normal` is fine, `over_range` and `under_range` are uncertain, and every other
    word is a sensor fault. `poll`: `fast` goes before what is due at the same time, `slow` is read every
    tenth cycle. `valid` is in the point's unit (mA on a current loop).
    """

    table: Annotated[Table, Field(strict=False)]
    address: Annotated[int, Field(ge=0, le=465536)]
    type: Annotated[RegisterType, Field(strict=False)] = RegisterType.UINT16
    length: Annotated[int, Field(ge=1, le=60)] | None = None
    bit: Annotated[int, Field(ge=0, le=63)] | None = None
    bits: Span[int] | None = None
    word_order: WordOrder | None = None
    scale: float = 1.0
    divisor: Annotated[int, Field(ge=2)] | None = None
    offset: float = 0.0
    unit: str = ""
    valid: Span[float] | None = None
    sentinels: Mapping[Raw, str] = {}
    enum: Mapping[Raw, str | bool | None] | None = None
    invert: bool = False
    current_loop: bool = False
    pulses: bool = False
    status_point: str | None = None
    poll: Literal["fast", "normal", "slow"] = "normal"
    writable: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        single = RegisterType.UINT16, RegisterType.BOOL
        if self.table.is_bits and (self.type not in single or self.bit is not None or self.bits is not None):
            raise ValueError("coils and discretes are bits already: no type, bit or bits")
        if self.type is RegisterType.TEXT and self.length is None:
            raise ValueError("a text needs its length in registers")
        if not self.table.is_bits and self.length is not None and self.type is not RegisterType.TEXT:
            raise ValueError("length belongs to texts, coils and discretes; a number has the length of its type")
        if self.bit is not None and self.bits is not None:
            raise ValueError("either bit or bits, not both")
        if self.is_partial and self.type not in (RegisterType.UINT16, RegisterType.UINT32, RegisterType.UINT64):
            raise ValueError("bit and bits need an unsigned type")
        top = self.bit if self.bit is not None else sum(self.bits) - 1 if self.bits else 0
        if top >= 16 * self.type.registers or (self.bits and (self.bits[0] < 0 or self.bits[1] < 1)):
            raise ValueError(f"bit {top} lies outside a {self.type}")
        if self.invert and (self.enum is not None or not self.is_bool):
            raise ValueError("only a bool can be inverted")
        if self.writable and (self.table not in (Table.COIL, Table.HOLDING) or self.is_partial or self.length):
            raise ValueError("writable are single coils and whole holding registers")
        if self.valid and self.valid[0] >= self.valid[1]:
            raise ValueError("valid is [lowest, highest]")
        if self.scale == 0:
            raise ValueError("scale 0 makes every value the same")
        return self

    @property
    def registers(self) -> int:
        """How many registers (bits, in the bit tables) this point takes on the wire."""
        if self.length is not None and (self.type is RegisterType.TEXT or self.table.is_bits):
            return self.length
        return self.type.registers

    @property
    def is_scaled_on_site(self) -> bool:
        """Whether only the site knows what it measures."""
        return self.current_loop or self.pulses

    @property
    def factor(self) -> float:
        """What one step of the raw number is worth."""
        return self.scale / (self.divisor or 1)

    @property
    def is_partial(self) -> bool:
        return self.bit is not None or self.bits is not None

    @property
    def is_bool(self) -> bool:
        return self.table.is_bits or self.bit is not None or self.type is RegisterType.BOOL

    @property
    def every(self) -> int:
        """Read in every so manieth cycle of its device."""
        return SLOW_EVERY if self.poll == "slow" else 1


class Probe(Strict):
    """What must stand at an address before anything the device says is trusted. A text must begin so."""

    table: Annotated[Table, Field(strict=False)]
    address: Annotated[int, Field(ge=0, le=465536)]
    type: Annotated[RegisterType, Field(strict=False)] = RegisterType.UINT16
    length: Annotated[int, Field(ge=1, le=60)] | None = None
    expect: Annotated[tuple[int | str, ...], Field(strict=False, min_length=1)]

    @property
    def point(self) -> RegisterPoint:
        """The probed place, to be read as any other point."""
        return RegisterPoint(table=self.table, address=self.address, type=self.type, length=self.length)

    def agrees(self, said: Value | None) -> bool:
        """Whether a device that says this is of the probed model."""
        if isinstance(said, str):
            return any(isinstance(one, str) and said.startswith(one) for one in self.expect)
        return said in self.expect

    @model_validator(mode="after")
    def _readable(self) -> Self:
        wanted = str if self.point.type is RegisterType.TEXT else int
        if not all(isinstance(each, wanted) for each in self.expect):
            raise ValueError(f"a {self.type} can only be compared with {wanted.__name__}")
        return self


class ModbusSection(Strict):
    """How this model wants to be read. Times in seconds.

    `address_base` is what the maker's table counts from (0, 1, 40001, 400001 ...); `gap` is how many
    unwanted registers one read may cross (0 where holes answer with exception 2); no read crosses a
    `barrier` (wire address where a new read must start). `max_read` counts registers; of coils and discretes
    sixteen times as many are read at once. `min_interval` is the pause this model needs after an answer.
    `tolerate_long_coils` for boards that answer FC01 with all their coils. `sentinels` belong to every whole
    number of their type that lists none itself.
    """

    address_base: int = 0
    word_order: WordOrder = "high_first"
    max_read: Annotated[int, Field(ge=1, le=125)] = 125
    gap: Annotated[int, Field(ge=0, le=100)] = 0
    barriers: Listed[int] = ()
    min_interval: Annotated[float, Field(ge=0, le=10)] = 0.0
    timeout: Annotated[float, Field(gt=0, le=30)] | None = None
    tolerate_long_coils: bool = False
    sentinels: Mapping[Annotated[RegisterType, Field(strict=False)], Mapping[Raw, str]] = {}
    probe: Probe | None = None

    def wire(self, address: int) -> int:
        """The address as sent (0-based) of an address as the maker prints it."""
        return address - self.address_base


class MqttPoint(Strict):
    """One point in a JSON payload. `path` is a dotted JSON path inside the payload (`data` for our contract).

    `values` lists all values an enum may have: others are bad (decode), never taken as normal; those in
    `unknown` are bad (sensor fault). `map` renames raw values. `topic` (foreign dialects) is relative to
    the device's root topic. A `writable` point takes signed commands (docs/mqtt.md), by its own name. A `personal` one
    (a plate, a card's reference) is shown to those only who may operate, in events too.
    """

    path: str
    type: Literal["bool", "number", "text", "enum"] = "enum"
    values: Listed[str] = ()
    unknown: Listed[str] = ()
    map: Mapping[str, str | bool] = {}
    topic: str = ""
    unit: str = ""
    valid: Span[float] | None = None
    scale: float = 1.0
    offset: float = 0.0
    momentary: bool = False
    writable: bool = False
    personal: bool = False
    note: str = ""


class EventMapping(Strict):
    """What an event of a type does to points: `set` them, `copy` them from data, `pulse` them true then false."""

    set: Mapping[str, bool | int | float | str] = {}
    copy_: Mapping[str, str] = Field(default={}, alias="copy")
    pulse: Listed[str] = ()
    even_historic: bool = False  # fire, duress, panic: alarm "late" even when the device buffered it


class MqttSection(Strict):
    """How this model speaks. `estate` is our contract (docs/mqtt.md), `topic` any topic with JSON or text.

    A message of dialect `topic` that has something at each path of `event` is one event: what stands there, joined
    by `/`, is its type, for which the profile's `events` say what it does. `event_live` is a path at which false
    means that the device had buffered it, `event_time` where its own time (ISO 8601) stands. A device may tell
    its own `heartbeat` in its meta message: a shorter one, or one up to `longest_heartbeat`.
    """

    dialect: Literal["estate", "topic"] = "estate"
    topic_class: str = ""
    life_safety: bool = False
    heartbeat: Annotated[float, Field(ge=0)] = 30.0  # s; 0: the device sends none, `max_silence` rules
    longest_heartbeat: Annotated[float, Field(gt=0, le=86400)] | None = None  # s; None: no longer than `heartbeat`
    max_silence: float | None = None
    availability: MqttPoint | None = None
    event: Listed[str] = ()
    event_live: str = ""
    event_time: str = ""


class Code(Strict):
    """A Contact ID code: the event of its coming (opening) and of its end (closing).

    `armed` is the state that a closing brings about.
    """

    new: str
    restore: str
    armed: str = ""


class Dc09Section(Strict):
    """An alarm panel on the DC-09 receiver. `supervision`: s without any message after which it is offline."""

    supervision: Annotated[float, Field(gt=0, le=172800)] = 200.0
    codes: Mapping[str, Code]


def _spelled_out(document: object) -> object:
    """Named enums and the section's sentinels written into each register they belong to; what is odd stays."""
    if not isinstance(document, dict) or not isinstance(document.get("registers"), dict):
        return document
    enums = _mapping(document.get("enums"))
    sentinels = _mapping(_mapping(document.get("modbus")).get("sentinels"))
    if not enums and not sentinels:
        return document
    registers = {}
    for name, register in document["registers"].items():
        if isinstance(register, dict):
            own = dict(register)
            if isinstance(own.get("enum"), str) and own["enum"] in enums:
                own["enum"] = enums[own["enum"]]
            whole = own.get("table") in ("holding", "input") and "bit" not in own and "bits" not in own
            if whole and "sentinels" not in own and (usual := sentinels.get(own.get("type", "uint16"))) is not None:
                own["sentinels"] = usual
            registers[name] = own
        else:
            registers[name] = register
    return {**document, "registers": registers}


def _mapping(part: object) -> Mapping[str, Any]:
    return part if isinstance(part, dict) else {}


def _misfit(problem: str, point: str, key: str = "") -> PydanticCustomError:
    """What is wrong with a point as part of its profile; `at` is where it stands."""
    return PydanticCustomError("misfit", "{problem}", {"problem": problem, "at": ("registers", point, key)})


class Profile(Strict):
    """A device model. `points` use the words of the equipment class it serves; `enums` are lists of raw values
    that several registers share."""

    profile: str
    vendor: str
    model: str
    source: str
    evidence: Annotated[Evidence, Field(strict=False)]
    proof: Annotated[Proof, Field(strict=False)] = Proof.NONE
    classes: Listed[str] = ()
    modbus: ModbusSection | None = None
    mqtt: MqttSection | None = None
    dc09: Dc09Section | None = None
    enums: Mapping[str, Mapping[Raw, str | bool | None]] = {}
    registers: Mapping[str, RegisterPoint] = {}
    fields: Mapping[str, MqttPoint] = {}
    events: Mapping[str, EventMapping] = {}
    caveats: Listed[str] = ()

    @model_validator(mode="before")
    @classmethod
    def _what_is_said_once(cls, document: object) -> object:
        return _spelled_out(document)

    @model_validator(mode="after")
    def _one_protocol(self) -> Self:
        if sum(section is not None for section in (self.modbus, self.mqtt, self.dc09)) != 1:
            raise ValueError("a profile has one section: modbus, mqtt or dc09")
        if self.modbus is not None and (self.fields or self.events or not self.registers):
            raise ValueError("a modbus profile lists its points under registers")
        if self.modbus is None and (self.registers or not (self.fields or self.events)):
            raise ValueError("an mqtt or dc09 profile lists its points under fields and events")
        return self

    @model_validator(mode="after")
    def _within_the_map(self) -> Self:
        if self.modbus is None:
            return self
        for name, point in self.registers.items():
            first = self.modbus.wire(point.address)
            behind = first + point.registers
            if first < 0 or behind > 0x10000:
                base = self.modbus.address_base
                raise _misfit(f"address {point.address} with address_base {base} is off the map", name, "address")
            if not point.table.is_bits and point.registers > self.modbus.max_read:
                raise _misfit(f"longer than max_read {self.modbus.max_read}", name)
            if any(first < barrier < behind for barrier in self.modbus.barriers):
                raise _misfit("a barrier cuts it in two", name, "address")
            if point.status_point is not None:
                status = self.registers.get(point.status_point)
                if status is None or status.enum is None or status.status_point is not None:
                    raise _misfit(f"{point.status_point} is no point with an enum", name, "status_point")
        return self

    @cached_property
    def changed_by_events(self) -> frozenset[str]:
        """Points that an event sets or pulses, whatever its data."""
        return frozenset(name for event in self.events.values() for name in (*event.set, *event.pulse))

    @property
    def points(self) -> Mapping[str, RegisterPoint | MqttPoint]:
        return self.registers if self.modbus is not None else self.fields

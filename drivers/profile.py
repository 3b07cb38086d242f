"""A profile: what one *model* of device offers, as inert data with its source. The format in one place."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """What is read from files: frozen, no unknown keys, no coercion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Evidence(StrEnum):
    """Where the register map was read (devices are only as real as their source)."""

    VENDOR = "vendor"  # the maker's own manual
    DRIVER = "driver"  # a maintained open-source driver run against real units
    LIBRARY = "library"  # a third-party transcription
    GENERIC = "generic"  # no product: contacts and loops bound per site
    OWN = "own"  # a convention of this project


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


class RegisterPoint(Strict):
    """One point in a Modbus register map. `address` is counted from the profile's `address_base`.

    `bit` picks one bit, `bits` [shift, width] a range (4 wide: a nibble). Value = raw * scale + offset.
    `sentinels` are raw values that mean "no value", with their reason. `enum` names raw values; a raw
    value it does not name is bad (decode). `current_loop` marks a 4-20 mA input in mA, scaled per site
    and judged after NAMUR NE43. `poll` `slow` is read every tenth cycle.
    """

    table: Table
    address: Annotated[int, Field(ge=0, le=465536)]
    type: RegisterType = RegisterType.UINT16
    length: Annotated[int, Field(ge=1, le=60)] | None = None
    bit: Annotated[int, Field(ge=0, le=63)] | None = None
    bits: tuple[int, int] | None = None
    word_order: WordOrder | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    valid: tuple[float, float] | None = None
    sentinels: Mapping[int, str] = {}
    enum: Mapping[int, str | bool] | None = None
    invert: bool = False
    current_loop: bool = False
    poll: Literal["fast", "normal", "slow"] = "normal"
    writable: bool = False
    note: str = ""

    @property
    def registers(self) -> int:
        return self.length if self.type is RegisterType.TEXT and self.length else self.type.registers


class Probe(Strict):
    """What must stand at an address before anything the device says is trusted."""

    table: Table
    address: int
    type: RegisterType = RegisterType.UINT16
    length: int | None = None
    expect: tuple[int | str, ...]


class ModbusSection(Strict):
    """How this model wants to be read. Times in seconds.

    `address_base` is what the maker's table counts from (0, 1, 40001, 400001 ...); `gap` is how many
    unwanted registers one read may cross (0 where holes answer with exception 2); no read crosses a
    `barrier` (wire address where a new read must start). `tolerate_long_coils` for boards that answer
    FC01 with all their coils.
    """

    address_base: int = 0
    word_order: WordOrder = "high_first"
    max_read: Annotated[int, Field(ge=1, le=125)] = 125
    gap: Annotated[int, Field(ge=0, le=100)] = 0
    barriers: tuple[int, ...] = ()
    min_interval: float = 0.0
    timeout: float | None = None
    tolerate_long_coils: bool = False
    probe: Probe | None = None


class MqttPoint(Strict):
    """One point in a JSON payload. `path` is a dotted JSON path inside the payload (`data` for our contract).

    `values` lists all values an enum may have: others are bad (decode), never taken as normal; those in
    `unknown` are bad (sensor fault). `map` renames raw values. `topic` (foreign dialects) is relative to
    the device's root topic.
    """

    path: str
    type: Literal["bool", "number", "text", "enum"] = "enum"
    values: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    map: Mapping[str, str | bool] = {}
    topic: str = ""
    unit: str = ""
    valid: tuple[float, float] | None = None
    scale: float = 1.0
    offset: float = 0.0
    momentary: bool = False
    note: str = ""


class EventMapping(Strict):
    """What an event of a type does to points: `set` them, `copy` them from data, `pulse` them true then false."""

    set: Mapping[str, bool | int | float | str] = {}
    copy_: Mapping[str, str] = Field(default={}, alias="copy")
    pulse: tuple[str, ...] = ()
    even_historic: bool = False  # fire, duress, panic: alarm "late" even when the device buffered it


class MqttSection(Strict):
    """How this model speaks. `estate` is our contract (docs/mqtt.md), `topic` any topic with JSON or text."""

    dialect: Literal["estate", "topic"] = "estate"
    topic_class: str = ""
    life_safety: bool = False
    heartbeat: Annotated[float, Field(ge=0)] = 30.0  # s; 0: the device sends none, `max_silence` rules
    max_silence: float | None = None
    availability: MqttPoint | None = None


class Profile(Strict):
    """A device model. `points` use the words of the equipment class it serves."""

    profile: str
    vendor: str
    model: str
    source: str
    evidence: Evidence
    classes: tuple[str, ...] = ()
    modbus: ModbusSection | None = None
    mqtt: MqttSection | None = None
    registers: Mapping[str, RegisterPoint] = {}
    fields: Mapping[str, MqttPoint] = {}
    events: Mapping[str, EventMapping] = {}
    caveats: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_protocol(self) -> Self:
        if (self.modbus is None) == (self.mqtt is None):
            raise ValueError("a profile has either a modbus or an mqtt section")
        if self.modbus is not None and (self.fields or self.events or not self.registers):
            raise ValueError("a modbus profile lists its points under registers")
        if self.mqtt is not None and (self.registers or not (self.fields or self.events)):
            raise ValueError("an mqtt profile lists its points under fields and events")
        return self

    @property
    def points(self) -> Mapping[str, RegisterPoint | MqttPoint]:
        return self.registers if self.modbus is not None else self.fields

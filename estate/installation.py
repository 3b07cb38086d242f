"""What is installed: buses, devices on them, and the equipment they watch."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from estate.strict import Id, PointName, PointPath, Strict, Text, Words

Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*:[0-9]{1,5}$")]
Seconds = Annotated[float, Field(gt=0, le=86400)]


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError as error:
        raise PydanticCustomError("bad_network", "bad_network") from error
    return text


Network = Annotated[str, AfterValidator(_network)]
"""One IP address, or several as `10.0.3.0/24`."""


class Bus(Strict):
    """One line or gateway: one connection, one request in flight.

    `framing` rtu on tcp is RTU-over-TCP (a serial device server); a serial line is always RTU.
    `timeout` is how long an answer may take, `quiet` how long an RTU line rests after a missing one (s).
    `fed_by` is the equipment that supplies the line: its device server, or the network on the way to it.
    """

    id: Id
    tcp: Address | None = None
    serial: Words | None = None
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    framing: Literal["tcp", "rtu"] = "tcp"
    timeout: Annotated[float, Field(gt=0, le=30)] = 0.5
    quiet: Annotated[float, Field(ge=0, le=10)] = 0.3
    fed_by: Id | None = None

    @model_validator(mode="after")
    def _one_line(self) -> Self:
        if (self.tcp is None) == (self.serial is None):
            raise PydanticCustomError("bus_line", "bus_line")
        if self.tcp is not None and not 0 < int(self.tcp.rpartition(":")[2]) < 65536:
            raise PydanticCustomError("bus_port", "bus_port")
        return self

    @property
    def is_rtu(self) -> bool:
        return self.serial is not None or self.framing == "rtu"


class Gateway(Strict):
    """What site.yaml adds of an MQTT gateway (any id under `via` of a device): the equipment that supplies it."""

    id: Id
    fed_by: Id


class Scale(Strict):
    """What a 4-20 mA loop means: 4 mA is `low`, 20 mA is `high`, both in `unit`. Of a counter: no pulse, one pulse."""

    low: float
    high: float
    unit: str

    @model_validator(mode="after")
    def _not_flat(self) -> Self:
        if self.low == self.high:
            raise PydanticCustomError("scale_flat", "scale_flat")
        return self


class Device(Strict):
    """An installed device of the model `profile`: `bus` and `unit` on Modbus, `via` or `topic` on MQTT,
    `account` (hex) on the DC-09 receiver, which takes its messages only from `address` if that is given.

    `poll` and `max_age` in seconds; without `max_age` a point goes stale after three polls, or three
    heartbeats and 5 s over MQTT. `commands` allows the daemon to write to it. `fed_by` is the equipment that
    supplies it.
    """

    id: Id
    profile: Id
    bus: Id | None = None
    unit: Annotated[int, Field(ge=0, le=255)] | None = None
    via: Id | None = None
    topic: Annotated[str, StringConstraints(pattern=r"^[^+#\s/][^+#\s]*$", max_length=200)] | None = None
    account: Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{3,16}$")] | None = None
    address: Network | None = None
    poll: Annotated[float, Field(ge=0.05, le=3600)] = 1.0
    max_age: Seconds | None = None
    scale: Mapping[PointName, Scale] = {}
    commands: bool = False
    fed_by: Id | None = None
    name: Text | None = None


class MapPlace(Strict):
    """A place on a plan, in the drawing's own units (those of its viewBox)."""

    plan: Id
    x: float
    y: float


class Equipment(Strict):
    """One sump, door or stretch of wall. `number` is what operators call it on the radio (07号防区).

    With `device`, every class point that the device's profile offers under the same name is bound to it;
    `points` overrides and adds. `lamp` and `household` are ids, `camera` is the camera's name. `fed_by` is the
    equipment that supplies it, `group` a name for what is commanded together.
    """

    id: Id
    class_: Id = Field(validation_alias="class", serialization_alias="class")
    number: Words
    name: Text
    place: Text
    device: Id | None = None
    points: Mapping[PointName, PointPath] = {}
    parameters: Mapping[PointName, bool | int | float | str] = {}
    map: MapPlace | None = None
    camera: Words | None = None
    lamp: Id | None = None
    group: Id | None = None
    household: Id | None = None
    fed_by: Id | None = None

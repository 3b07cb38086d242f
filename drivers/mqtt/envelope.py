"""What devices say under the contract: event, state, heartbeat, status and meta, parsed from bytes once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from estate.errors import DecodeError

MAX_BYTES = 16 * 1024
"""Of one message of the contract, in bytes."""

MAX_FOREIGN_BYTES = 64 * 1024
"""Of any message at all (a Zigbee2MQTT device with its whole description)."""

MAX_INTEGER = 2**53 - 1
"""Beyond it JSON's readers (JavaScript, InfluxDB's floats) round."""

KEPT = 256
"""Bytes of a refused payload kept for the engineer."""

Boot = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Time = Annotated[AwareDatetime | Any, Field(union_mode="left_to_right")]
"""Nonsense in a time or its quality must not cost an alarm: it arrives as what it is and is judged later."""

Model = TypeVar("Model", bound=BaseModel)


class Spoken(BaseModel):
    """Fields we do not know are kept (`model_extra`)."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    v: Literal[1]
    boot: Boot
    ts: Time = None
    tq: Any = "sync"

    @property
    def time(self) -> datetime | None:
        """The device's time in UTC, None for none and for nonsense."""
        if not isinstance(self.ts, datetime):
            return None
        try:
            return self.ts.astimezone(UTC)
        except OverflowError:
            return None


class EventMessage(Spoken):
    """One message is one event; `seq` counts the events of one boot of one device."""

    dev: str
    seq: Annotated[int, Field(ge=1, le=MAX_INTEGER)]
    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    hist: bool = False
    rx: Any = None
    ref: Annotated[str, Field(max_length=128)] | int = ""
    data: dict[str, Any] = {}


class StateMessage(Spoken):
    """The whole state; `seq` is the last event already included."""

    dev: str
    seq: Annotated[int, Field(ge=0, le=MAX_INTEGER)]
    data: dict[str, Any]


class HeartbeatMessage(Spoken):
    """A sign of life; `queue` is the length of the device's outbox."""

    dev: str
    seq: Annotated[int, Field(ge=0, le=MAX_INTEGER)]
    up_s: float = 0.0
    queue: int = 0


class StatusMessage(Spoken):
    """Of a device or, without `via`, of an adapter; also the form of its last will."""

    state: Literal["online", "offline", "degraded", "sleeping"]
    via: Annotated[str, Field(max_length=48)] | None = None
    reason: str = ""


class MetaMessage(BaseModel):
    """What a device says it is. `heartbeat` in seconds, when it is not the profile's."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    v: Literal[1]
    profile: str | None = None
    heartbeat: Annotated[float, Field(gt=0, le=86400)] | None = None


def read(model: type[Model], payload: bytes) -> Model:
    """Raises DecodeError: too long, not JSON, not this message, or a number no computer can keep."""
    if len(payload) > MAX_BYTES:
        raise DecodeError(f"{len(payload)} bytes, the contract allows {MAX_BYTES}")
    try:
        message = model.__pydantic_validator__.validate_json(payload)
    except ValidationError as error:
        raise DecodeError(_first(error)) from None
    assert isinstance(message, model)
    data = message.__dict__.get("data")
    if data:
        refuse_odd_numbers(data)
    if message.model_extra:
        refuse_odd_numbers(message.model_extra)
    return message


def read_json(payload: bytes) -> Any:
    """Any JSON of a foreign dialect, under the same limits. Raises DecodeError."""
    if len(payload) > MAX_FOREIGN_BYTES:
        raise DecodeError(f"{len(payload)} bytes, at most {MAX_FOREIGN_BYTES} are read")
    try:
        value = from_json(payload, allow_inf_nan=False)
    except ValueError as error:
        raise DecodeError(f"not JSON: {error}") from None
    refuse_odd_numbers({"": value})
    return value


def refuse_odd_numbers(data: Mapping[str, Any]) -> None:
    """Raises DecodeError for NaN, Infinity, 1e400 and integers beyond 2^53, at any depth (the parser limits it)."""
    for value in data.values():
        kind = type(value)
        if kind is int:
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise DecodeError("an integer beyond 2^53")
        elif kind is float:
            if value - value != 0.0:
                raise DecodeError("NaN or Infinity")
        elif kind is dict:
            refuse_odd_numbers(value)
        elif kind is list:
            refuse_odd_numbers({str(place): item for place, item in enumerate(value)})


def excerpt(payload: bytes) -> str:
    """The first bytes of a refused payload, in hex."""
    return payload[:KEPT].hex()


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(step) for step in found["loc"])
    return f"{place}: {found['msg']}" if place else found["msg"]

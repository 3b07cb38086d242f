"""What site.yaml says: the estate's name, broker, history, console, buses and plans."""

from ipaddress import ip_address
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from estate.annunciation import Annunciation
from estate.installation import Bus, Gateway
from estate.strict import Id, Strict, Text, Words
from estate.timetable import Location

Port = Annotated[int, Field(ge=1, le=65535)]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$", max_length=253)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PydanticCustomError("bad_timezone", "bad_timezone") from error
    return name


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise PydanticCustomError("bad_address", "bad_address") from error


def is_loopback(host: str) -> bool:
    """Whether it is this machine; of a name other than localhost nobody can say so."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Broker(Strict):
    """The MQTT broker. Files are relative to the site folder; `protocol` 3.1.1 for the embedded demo broker."""

    host: Words
    port: Port = 1883
    username: Words | None = None
    password_file: Words | None = None
    protocol: Literal["5", "3.1.1"] = "5"
    ca_file: Words | None = None


class History(Strict):
    """InfluxDB 1.8+, 2.x, 3.x or a compatible server. Without this section history stays in SQLite."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]
    org: Words = "estate"
    bucket: Words = "estate"
    token_file: Words | None = None


class Console(Strict):
    """Where the console listens; a reverse proxy in front brings TLS.

    `trusted_proxy` is that proxy's address: it alone is believed when it says for whom it asks and how. `names` are
    what browsers write in the address bar then. Without a proxy the console is for this machine only.
    """

    host: Words = "127.0.0.1"
    port: Port = 8470
    trusted_proxy: Annotated[str, AfterValidator(_address)] | None = None
    names: Annotated[tuple[HostName, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _behind_a_proxy(self) -> Self:
        if self.trusted_proxy is None and not is_loopback(self.host):
            raise PydanticCustomError("console_open", "console_open")
        return self


class Receiver(Strict):
    """Where alarm panels reach us with SIA DC-09 over TCP. With `time_required` a message without time is refused:
    one that was recorded could be said again years later."""

    host: Words = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 12128
    time_required: bool = False


class Plan(Strict):
    """One e-map drawing: an SVG with a viewBox."""

    id: Id
    file: Annotated[str, StringConstraints(pattern=r"^maps/[A-Za-z0-9][A-Za-z0-9._-]*\.svg$")]
    name: Text


class Outline(Strict):
    """`id` is the estate's word in topics: estate/v1/<id>/..."""

    id: Id
    name: Text
    timezone: Annotated[str, AfterValidator(_known_zone)]
    location: Location | None = None
    mqtt: Broker | None = None
    dc09: Receiver | None = None
    history: History | None = None
    console: Console = Console()
    annunciation: Annunciation = Annunciation()
    buses: tuple[Bus, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    plans: tuple[Plan, ...] = ()

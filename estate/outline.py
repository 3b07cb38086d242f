"""What site.yaml says: the estate's name, broker, history, console, buses and plans."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from estate.annunciation import Annunciation
from estate.installation import Bus
from estate.strict import Id, Strict, Text, Words
from estate.timetable import Location

Port = Annotated[int, Field(ge=1, le=65535)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PydanticCustomError("bad_timezone", "bad_timezone") from error
    return name


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
    """Where the console listens; a reverse proxy in front brings TLS."""

    host: Words = "127.0.0.1"
    port: Port = 8470


class Receiver(Strict):
    """Where alarm panels reach us with SIA DC-09 over TCP."""

    host: Words = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 12128


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
    plans: tuple[Plan, ...] = ()

"""The topics of the contract (docs/mqtt.md): parsed strictly, and built in one place."""

import re
from typing import NamedTuple

from estate.errors import DecodeError

PREFIX = "estate/v1"

_ID = r"[a-z0-9][a-z0-9_-]{0,47}"
_TOPIC = re.compile(rf"{PREFIX}/(?P<site>{_ID})/(?P<class_>{_ID})/(?P<device>{_ID})/(?P<kind>[a-z_]{{1,16}})")


class Topic(NamedTuple):
    """A topic of the contract, taken apart. Of a gateway, `class_` is `gateway` and `device` the adapter's id."""

    site: str
    class_: str
    device: str
    kind: str


def parse_topic(text: str) -> Topic:
    """Raises DecodeError for anything but `estate/v1/{site}/{class}/{device}/{kind}` with plain ids."""
    found = _TOPIC.fullmatch(text)
    if found is None:
        raise DecodeError(f"not a topic of the contract: {text[:100]!r}")
    return Topic(*found.groups())


def topic(site: str, class_: str, device: str, kind: str) -> str:
    return f"{PREFIX}/{site}/{class_}/{device}/{kind}"


def daemon_status(site: str) -> str:
    """Retained, with last will: tells adapters whether the daemon listens."""
    return f"{PREFIX}/{site}/daemon/status"


def daemon_heartbeat(site: str) -> str:
    """Not retained: each is news."""
    return f"{PREFIX}/{site}/daemon/hb"

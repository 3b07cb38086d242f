"""Whatever the devices of every stock model say, one message after the other: nothing of it ends the source."""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.journal_rows import ROWS
from drivers.mqtt.device import EstateDevice
from drivers.mqtt.foreign import ForeignDevice
from drivers.mqtt.gateway import Gateway
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.sequence import EventTrack
from drivers.profile import Profile
from estate.model import Event, Now
from tests.drivers.mqtt.conftest import PROFILES, load_profile

MODELS = [
    profile
    for name in sorted(file.stem for file in PROFILES.glob("*.yaml"))
    if (profile := load_profile(name)).mqtt is not None
]
BEGAN = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
TIMES = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-03-01T07:00:00Z", "2026-03-01T07:00:00", ""]
NUMBERS = [0, 1, -1, 2**53 - 1, 2**53, 10**300, 1.5, 1e308, -1e308, 5e-324]
WORDS = ["", "x", "\0", "\u202e", "1e308", "-1e400", "nan", "9" * 4300, "1_0", "٣", "no\nway", "~", "b~3", *TIMES]
ODD = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(WORDS) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "0", "type"]), inner, max_size=2),
    max_leaves=4,
)
KINDS = ("event", "event", "event", "state", "hb", "status", "meta")
KEYS = ("v", "dev", "boot", "seq", "ts", "tq", "type", "hist", "ref", "data", "state", "via", "reason", "heartbeat")


def placed(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """`data` with a value at `a.b`, over whatever stood there."""
    *above, last = path.split(".")
    inner = data
    for step in above:
        if not isinstance(inner.get(step), dict):
            inner[step] = {}
        inner = inner[step]
    inner[last] = value
    return data


@st.composite
def value_of(draw: st.DrawFn, profile: Profile, name: str) -> Any:
    field = profile.fields[name]
    words = [*field.values, *field.unknown, *field.map]
    return draw(st.sampled_from(words) | ODD if words else st.integers(-99, 999) | st.booleans() | ODD)


@st.composite
def said(draw: st.DrawFn, profile: Profile, kind: str) -> bytes:
    """One message of the contract, mostly right."""
    message: dict[str, Any] = {
        "v": 1,
        "dev": "d",
        "boot": draw(st.sampled_from(["b1", "b1", "b1", "b2", "b.3"])),
        "seq": draw(st.integers(1, 6) | st.sampled_from([0, 70, 20_000, 2**53 - 1, 2**53, 1.0])),
        "ts": draw(st.sampled_from(TIMES)),
        "tq": "sync",
    }
    data: dict[str, Any] = {}
    if kind == "event":
        type_ = draw(st.sampled_from([*profile.events, "other.thing"]))
        mapping = profile.events.get(type_)
        for name, path in mapping.copy_.items() if mapping is not None else ():
            placed(data, path, draw(value_of(profile, name)))
        message |= {"type": type_, "hist": draw(st.booleans()), "data": data}
    elif kind == "state":
        for name in draw(st.lists(st.sampled_from(sorted(profile.fields)), max_size=4)):
            placed(data, profile.fields[name].path or name, draw(value_of(profile, name)))
        message["data"] = data
    elif kind == "status":
        message["state"] = draw(st.sampled_from(["online", "offline", "degraded", "sleeping"]))
    elif kind == "meta":
        message = {"v": 1, "profile": profile.profile, "heartbeat": draw(st.sampled_from([None, 30, 1e-9, 86400, 1e9]))}
    message |= draw(st.dictionaries(st.sampled_from(KEYS), ODD, max_size=1))
    return json.dumps(message).encode()


@st.composite
def foreign(draw: st.DrawFn, profile: Profile, topic: str) -> bytes:
    """One message of another dialect below the root `r`."""
    assert profile.mqtt is not None
    names = [name for name, field in profile.fields.items() if ("r/" + field.topic if field.topic else "r") == topic]
    data: dict[str, Any] = {}
    for name in names:
        value = draw(value_of(profile, name))
        if not profile.fields[name].path:
            return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "replace")
        placed(data, profile.fields[name].path, value)
    if profile.mqtt.event and topic == "r":
        type_ = draw(st.sampled_from(sorted(profile.events)))
        for path, word in zip(profile.mqtt.event, type_.split("/"), strict=False):
            placed(data, path, word)
        for name, path in profile.events[type_].copy_.items():
            placed(data, path, draw(value_of(profile, name)))
    return draw(st.sampled_from([b"online", b"offline", b'{"state":"online"}', json.dumps(data).encode()]))


@settings(
    max_examples=20_000 if os.environ.get("ESTATED_LONG") == "1" else 400,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn=st.data(), profile=st.sampled_from(MODELS))
def test_nothing_that_any_model_may_say_ends_the_source(drawn: st.DataObject, profile: Profile) -> None:
    """And what comes of it fits the journal: a record that no disk would take ends the daemon."""
    assert profile.mqtt is not None
    device: EstateDevice | ForeignDevice
    if profile.mqtt.dialect == "topic":
        device = ForeignDevice("d", profile, "r", "session")
    else:
        device = EstateDevice("d", profile, "oak", EventTrack())
    device.via = "gw"
    gateway = Gateway("gw", (device,))
    mono = 1000.0
    device.connected(Now(BEGAN, mono), Outcome())
    for _ in range(drawn.draw(st.integers(1, 8))):
        now = Now(BEGAN + timedelta(seconds=mono - 1000), mono)
        out, retained = Outcome(), drawn.draw(st.booleans())
        if drawn.draw(st.integers(0, 9)) == 0:
            gateway.status(drawn.draw(said(profile, "status")), retained, now, out)
        elif isinstance(device, ForeignDevice):
            topic = drawn.draw(st.sampled_from(sorted(device.topics)))
            device.message(topic, drawn.draw(foreign(profile, topic)), retained, now, out)
        else:
            kind = drawn.draw(st.sampled_from(KINDS))
            reader = next(reader for topic, reader in device.readers().items() if topic.endswith(f"/{kind}"))
            reader(drawn.draw(said(profile, kind)), retained, now, out)
        device.supervise(now, 1000.0, out)
        for sample in out.samples:
            assert (sample.value is None) == sample.quality.is_bad
        for event in out.events:
            ROWS[Event](1, event)
        mono += drawn.draw(st.sampled_from([0.0, 0.1, 3.0, 70.0, 700.0]))

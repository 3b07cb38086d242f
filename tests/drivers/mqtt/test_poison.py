"""A message at which this program crashes: read again once, then put aside as evidence, and everybody else is heard.

The crash is made of a device model that breaks at one word, handed in as any model is: no part of ours is replaced.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from drivers.mqtt.aside import SET_ASIDE
from drivers.mqtt.source import MqttSource
from drivers.profile import Profile
from drivers.quarantine import MOST, REST, TOO_OFTEN, Quarantine, key_of
from estate.errors import TransportError
from estate.model import point_id
from estate.site import Broker, Device

Says = Callable[..., dict[str, Any]]
POISON = "poison"


class Broke(Exception):
    """What the crash is made of."""


class BreaksAtAWord(dict[str, Any]):
    """A profile's `map` of raw words that raises for one of them."""

    def get(self, key: str, default: Any = None) -> Any:
        if key.startswith(POISON):
            raise Broke(key)
        return super().get(key, default)


class BreaksInTime(float):
    """A profile's `max_silence` (s) that raises when it is compared, while `armed`."""

    armed = True

    def __lt__(self, other: float) -> bool:
        if self.armed:
            raise Broke("silence")
        return super().__lt__(other)


def breaking(profile: Profile, field: str) -> Profile:
    """The same model, but reading this field of it breaks at the word "poison"."""
    point = profile.fields[field]
    broken = point.model_copy(update={"map": BreaksAtAWord(point.map or {"-": "-"})})
    return profile.model_copy(update={"fields": {**profile.fields, field: broken}})


class Watched:
    """A source that is restarted as the daemon restarts it, but at once; it counts the crashes and keeps the log."""

    def __init__(self, oak: Any, *devices: tuple[Device, Profile], **more: Any) -> None:
        self.received = oak.received
        self.crashes = 0
        broker = Broker(host="127.0.0.1", port=oak.port)
        self.source = MqttSource(
            broker, "oak", devices, more.pop("life_safety", False), oak.received.deliver,
            more.pop("clock", oak.clock), {}, Path(), **more,
        )  # fmt: skip
        self._up = f"system.broker{'_safety' if self.source.name == 'mqtt-safety' else ''}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watched"]:
        task = asyncio.create_task(self._run())
        try:
            await self.received.until(lambda: self.received.value(self._up) is True)
            yield self
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _run(self) -> None:
        while True:
            try:
                await self.source.run()
            except* Broke:
                self.crashes += 1

    def aside(self) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.received.events if event.type == SET_ASIDE]

    def values(self, point: str) -> list[Any]:
        return [sample.value for sample in self.received.samples if sample.point == point]


@pytest.fixture
def site(oak: Any, profile_named: Callable[[str], Profile]) -> Callable[..., Watched]:
    """Devices d-1 (whose model breaks at a word) and d-2 (a good one), both doors."""

    def build(**more: Any) -> Watched:
        door = profile_named("estate-door")
        return Watched(
            oak,
            (Device(id="d-1", profile="estate-door", **more.pop("first", {})), breaking(door, "contact")),
            (Device(id="d-2", profile="estate-door"), door),
            **more,
        )

    return build


async def test_a_message_that_crashes_twice_is_put_aside_and_all_else_is_heard(
    oak: Any, site: Callable[..., Watched], says_event: Says, says_state: Says, caplog: pytest.LogCaptureFixture
) -> None:
    poison = says_state("d-1", 1, contact=POISON)
    async with site().running() as watched, oak.device("estate/v1/oak/door/d-2/ack") as door:
        await door.say("door/d-1/state", poison)
        await door.say("door/d-2/event", says_event("d-2", 1, "door.forced"))
        await oak.received.until(lambda: watched.values("d-2.alarm") == ["forced"])
        assert (await door.hears())[1]["seq"] == 1
        assert watched.crashes == 2
        assert watched.source.aside.crashes == 2
        (kept,) = watched.aside()
        assert json.loads(bytes.fromhex(kept["hex"])) == poison
        assert (kept["device"], kept["topic"]) == ("d-1", "estate/v1/oak/door/d-1/state")
        assert "set_aside" in watched.values("d-1.protocol")
        assert "set_aside" not in watched.values("d-2.protocol")
        # The device itself goes on, too.
        await door.say("door/d-1/state", says_state("d-1", 1, contact="open"))
        await oak.received.until(lambda: watched.values("d-1.contact") == ["open"])
        assert watched.crashes == 2
    logged = [record.getMessage() for record in caplog.records if "crashes at" in record.getMessage()]
    assert len(logged) == 2, "each crash is in the log with the bytes, before anything else can go wrong"
    assert json.dumps(poison).encode()[:40].hex() in logged[0]


async def test_it_is_acknowledged_at_the_broker_only_once_the_journal_holds_it(
    oak: Any, site: Callable[..., Watched], says_state: Says
) -> None:
    """Until then the broker sends it again; after that it never comes back."""
    poison = says_state("d-1", 1, contact=POISON)
    watched = site()
    async with watched.running(), oak.device() as door:
        oak.received.hold = True
        await door.say("door/d-1/state", poison)
        await oak.received.until(watched.aside)
    assert len(watched.aside()) == 1
    oak.received.hold = False
    again = site()  # a new process: it knows nothing of that message
    async with again.running():
        await oak.received.until(lambda: len(again.aside()) == 2)
        assert again.crashes == 2
    last = site()
    async with last.running(), oak.device() as door:
        await door.say("door/d-2/state", says_state("d-2", 1, contact="open"))
        await oak.received.until(lambda: "open" in last.values("d-2.contact"))
    assert last.crashes == 0, "acknowledged, it is gone from the broker"


async def test_a_retained_message_is_put_aside_each_time_the_broker_gives_it_and_kept_once(
    oak: Any, site: Callable[..., Watched], says_state: Says
) -> None:
    async with oak.device() as door:
        await door.say("door/d-1/state", says_state("d-1", 1, contact=POISON), retain=True)
        await door.say("door/d-2/state", says_state("d-2", 1, contact="open"), retain=True)
    watched = site()
    async with watched.running():
        await oak.received.until(lambda: watched.aside() and watched.values("d-2.contact"))
        assert watched.crashes == 2
    before = watched.source.aside.count
    async with watched.running():
        await oak.received.until(lambda: watched.source.aside.count > before)
    assert watched.crashes == 2
    assert len(watched.aside()) == 1


async def test_an_event_is_not_a_duplicate_because_its_first_reading_crashed(
    oak: Any, profile_named: Callable[[str], Profile], says_event: Says
) -> None:
    """LP-1: half read, its number was counted in; the second reading must not take it for known and drop it."""
    gate = breaking(profile_named("estate-lpr"), "plate")
    watched = Watched(oak, (Device(id="lpr-1", profile="estate-lpr"), gate))
    async with watched.running(), oak.device() as adapter:
        await adapter.say("lpr/lpr-1/event", says_event("lpr-1", 1, "plate.read", data={"plate": POISON}))
        await oak.received.until(watched.aside)
        await adapter.say("lpr/lpr-1/event", says_event("lpr-1", 2, "plate.read", data={"plate": "A1"}))
        await oak.received.until(lambda: "A1" in watched.values("lpr-1.plate"))
    assert watched.crashes == 2
    assert [event.seq for event in oak.received.events if event.device == "lpr-1"] == [2]


async def test_a_device_at_which_it_crashes_whatever_it_says_is_left_alone_and_told_as_offline(
    oak: Any, site: Callable[..., Watched], says_state: Says, says_event: Says
) -> None:
    """Each message is another one, as with a bug in what is remembered of the device."""
    async with site().running() as watched, oak.device() as door:
        for number in range(1, 9):
            await door.say("door/d-1/state", says_state("d-1", number, contact=f"{POISON} {number}"))
        await door.say("door/d-2/event", says_event("d-2", 1, "door.forced"))
        await oak.received.until(lambda: watched.values("d-2.alarm") == ["forced"])
        await oak.received.until(lambda: watched.values("d-1.online")[-1:] == [False])
        assert watched.crashes == TOO_OFTEN
        assert watched.values("d-1.protocol")[-1] == "set_aside"
        assert len(watched.aside()) == 8, "what was not read is evidence all the same"
        assert "False" not in map(str, watched.values("d-2.online"))


async def test_a_device_that_crashes_it_by_the_clock_alone_is_left_alone_too(
    oak: Any, profile_named: Callable[[str], Profile], says_state: Says
) -> None:
    contact = profile_named("zigbee2mqtt-contact")
    assert contact.mqtt is not None
    silence = BreaksInTime(30.0)
    broken = contact.model_copy(
        update={"mqtt": contact.mqtt.model_copy(update={"heartbeat": 0.0, "max_silence": silence})}
    )
    watched = Watched(
        oak,
        (Device(id="hall", profile="zigbee2mqtt-contact", topic="z2m/hall"), broken),
        (Device(id="d-2", profile="estate-door"), profile_named("estate-door")),
    )
    async with watched.running(), oak.device() as door:
        await oak.received.until(lambda: watched.values("hall.online") == [False])
        await door.say("door/d-2/state", says_state("d-2", 1, contact="open"))
        await oak.received.until(lambda: watched.values("d-2.contact") == ["open"])
    assert watched.crashes == TOO_OFTEN
    assert watched.values("hall.protocol")[-1] == "set_aside"


async def test_after_its_rest_a_device_is_heard_again_if_it_crashes_nothing_any_more(
    clock: Any, oak: Any, site: Callable[..., Watched], says_state: Says
) -> None:
    async with site(clock=clock).running() as watched, oak.device() as door:
        for number in range(1, 4):
            await door.say("door/d-1/state", says_state("d-1", number, contact=f"{POISON} {number}"))
        await oak.received.until(lambda: len(watched.aside()) == 3)
        clock.forward(1)
        await oak.received.until(lambda: watched.values("d-1.online")[-1:] == [False])
        clock.forward(REST)
        await door.say("door/d-1/state", says_state("d-1", 9, contact="open"))
        await oak.received.until(lambda: "open" in watched.values("d-1.contact"))
        assert watched.values("d-1.online")[-1] is True
        clock.forward(61)
        await oak.received.until(lambda: watched.values("d-1.protocol")[-1] == "ok")
    assert watched.crashes == TOO_OFTEN


async def test_a_status_of_a_gateway_that_is_not_understood_is_told_of_the_gateway(oak: Any) -> None:
    source = oak.source(("d-1", "estate-door"), via="gw-1")
    async with oak.running(source), oak.device() as adapter:
        await adapter.say("gateway/gw-1/status", b"garbage")
        await oak.received.until(lambda: oak.received.value("gateway-gw-1.protocol") == "malformed")
        await adapter.say("gateway/gw-1/status", {"v": 1, "state": "online", "boot": "g1"})
        await oak.received.until(lambda: oak.received.value("gateway-gw-1.protocol") == "ok")


async def test_a_line_break_in_the_answer_to_a_command_crashes_nothing(
    oak: Any, profile_named: Callable[[str], Profile]
) -> None:
    """No text with one can be signed; looking for its signature ended the session of every device."""
    zone = Device(id="z-1", profile="estate-zone", commands=True)
    watched = Watched(oak, (zone, profile_named("estate-zone")), life_safety=True, keys={"z-1": b"k" * 32})
    async with watched.running(), oak.device("estate/v1/oak/zone/z-1/cmd") as device:
        writing = asyncio.create_task(watched.source.write(point_id("z-1", "bypassed"), True))
        asked = (await device.hears())[1]
        answer = {"v": 1, "dev": "z-1", "nonce": asked["nonce"], "counter": asked["counter"], "state": "refused"}
        bad = answer | {"reason": "no\nway", "at": "2026-03-01T07:00:00Z", "mac": "0" * 64}
        await device.say("zone/z-1/cmd_result", bad)
        with pytest.raises(TransportError):
            await writing
        assert watched.source.commands.rejected == 1
    assert watched.crashes == 0


@pytest.fixture
def quarantine() -> Quarantine:
    return Quarantine()


def test_what_is_remembered_is_bounded(quarantine: Quarantine) -> None:
    for number in range(10 * MOST):
        quarantine.crashed(f"d-{number % 50}", float(number), key_of("t", str(number // 2).encode()))
    held = [number for number in range(5 * MOST) if quarantine.holds(key_of("t", str(number).encode()))]
    assert held == list(range(4 * MOST, 5 * MOST))


def test_one_crash_more_after_a_rest_is_enough(quarantine: Quarantine) -> None:
    for at in (0.0, 1.0, 2.0):
        assert not quarantine.rests("d", at)
        quarantine.crashed("d", at)
    assert quarantine.rests("d", 2.0)
    assert quarantine.rests("d", 1.0 + REST)
    assert not quarantine.rests("d", 2.0 + REST)
    quarantine.crashed("d", 3.0 + REST)
    assert quarantine.rests("d", 4.0 + REST)


def test_crashes_far_apart_leave_nobody_alone(quarantine: Quarantine) -> None:
    for at in range(10):
        quarantine.crashed("d", at * REST)
        assert not quarantine.rests("d", at * REST)

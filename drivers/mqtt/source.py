"""The MQTT driver: one broker session for the life-safety classes or for the rest, from messages to deliveries."""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex

import aiomqtt

from drivers.mqtt.aside import LEFT_ALONE, Aside, Party, name_of, owner
from drivers.mqtt.command import Commands
from drivers.mqtt.device import EstateDevice
from drivers.mqtt.foreign import ForeignDevice
from drivers.mqtt.gateway import Gateway
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.sequence import EventTrack, Restored
from drivers.mqtt.session import NOT_YET, Address, Connection, Message, Session
from drivers.mqtt.topics import PREFIX, daemon_status, parse_topic
from drivers.mqtt.topics import topic as topic_of
from drivers.profile import Profile
from drivers.source import Deliver
from estate.errors import CommandRefused, DecodeError, NotSent, TransportError
from estate.model import Clock, Delivery, DeviceId, Now, PointId, Quality, Sample, Value, nothing, point_id
from estate.site import Broker, Device

log = logging.getLogger(__name__)

SUPERVISION = 0.5
"""s between looks at the clock: heartbeats, gaps and quiet need no message to be noticed."""

BRIEF = 5.0
"""s without the broker that are no news; after that nothing a device said last is taken for how things are."""

CAREFUL = 60.0
"""s after a crash in which every message is read and handed over alone: whichever crashes us again is then known."""

REPEAT_CONNECTION = 10.0
MAX_STRANGERS = 256
MAX_GATEWAYS = 256
"""Adapters that no device of the site names, but that speak: those named have a place in any case."""

Reader = Callable[[bytes, bool, Now, Outcome], None]


@dataclass(slots=True)
class _Batch:
    """Messages handed on and not yet acknowledged; `acks` is what to tell the devices then."""

    messages: Sequence[Message]
    acks: Mapping[tuple[str, str, int], int]
    settled: bool = False
    durable: bool = False


class MqttSource:
    """Reads what the devices of one session say, delivers it in order, and acknowledges what was settled.

    `devices` may be all of the site: each session takes its own, by `life_safety` of their profiles.
    `restored` is what the journal knows of each; `secrets` the folder of password and CA files.
    `on_connected` is called after each connect, to say again what the broker should hold; `keys` sign commands.
    """

    def __init__(
        self,
        broker: Broker,
        site_id: str,
        devices: Sequence[tuple[Device, Profile]],
        life_safety: bool,
        deliver: Deliver,
        clock: Clock,
        restored: Mapping[DeviceId, Restored],
        secrets: Path,
        on_connected: Callable[[], None] = nothing,
        keys: Mapping[str, bytes] | None = None,
    ) -> None:
        self.name = "mqtt-safety" if life_safety else "mqtt"
        self.strangers = 0
        self._site = site_id
        self._life_safety = life_safety
        self._deliver = deliver
        self._clock = clock
        self._said_connected = on_connected
        suffix = "_safety" if life_safety else ""
        self._point = point_id("system", f"broker{suffix}")
        self._id_point = point_id("system", f"client_id{suffix}")
        self._id_told = ""
        self._unsettled: deque[_Batch] = deque()
        self._known_strangers: set[str] = set()
        self._connection: Connection | None = None
        self._connected = float("inf")
        self._lost: float | None = None
        self._left_over: list[Sample] = []
        self._next_look = float("-inf")
        self._careful = float("-inf")
        self._at: Message | EstateDevice | ForeignDevice | None = None
        now = clock.now()
        self.aside = Aside(self.name, now.utc)
        self._told = now.mono
        own = [(device, profile) for device, profile in devices if _belongs(profile, life_safety)]
        self._readers: dict[str, Reader] = {}
        self._gateways: dict[str, Gateway] = {}
        self._parties: dict[str, Party | None] = {}
        self.commands = Commands(site_id, keys or {}, self.publish, clock)
        self._commanded = {device.id: profile for device, profile in own if _is_commanded(device, profile)}
        self._devices = tuple(self._device(device, profile, restored, now) for device, profile in own)
        for adapter in dict.fromkeys(device.via for device, _ in own if device.via is not None):
            self._gateway(adapter)
        self._unnamed_gateways = 0
        self._session = Session(
            _address(broker, site_id, life_safety, secrets),
            self._subscriptions(),
            self._on_connected,
            None if life_safety else aiomqtt.Will(daemon_status(site_id), _status("offline"), 1, True),
        )

    @property
    def devices(self) -> Mapping[DeviceId, EstateDevice | ForeignDevice]:
        """What we know of each device, for diagnosis."""
        return {device.id: device for device in self._devices}

    async def run(self) -> None:
        """After a crash nothing that was not delivered counts as heard, and nothing waits for it: it comes again."""
        self._unsettled.clear()
        if self._connection is not None:  # it ran before; a session that crashes at once must not keep old values good
            await self._read(())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._session.run(), name=f"{self.name} session")
            tasks.create_task(self._listen(), name=f"{self.name} messages")

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> bool:
        """Hand a message to the broker without waiting. False: not connected; say it again in `on_connected`."""
        return self._session.publish(topic, payload, qos, retain)

    def flush(self) -> None:
        """Send what was published now."""
        self._session.flush()

    @property
    def commanded(self) -> Collection[str]:
        """The devices that take commands over this session."""
        return self._commanded.keys()

    async def write(self, point: PointId, value: Value, told: Mapping[str, str] | None = None) -> None:
        """A signed command; see drivers.source."""
        device, _, name = point.rpartition(".")
        profile = self._commanded.get(device)
        if profile is None or profile.mqtt is None or name not in profile.fields or not profile.fields[name].writable:
            raise CommandRefused(f"{point} may not be written")
        spoken = self.devices[DeviceId(device)]
        if isinstance(spoken, EstateDevice) and spoken.standing.online is False:
            raise NotSent(f"{device} is offline")
        class_ = profile.mqtt.topic_class
        before = spoken.standing.last(name) if isinstance(spoken, EstateDevice) else None
        unasked = before is None or before.value != value  # then the device tells its new state by itself
        try:
            await self.commands.send(device, class_, name, value, told)
        except TransportError:
            unasked = False
            raise
        finally:  # the state is what proves a command
            if not unasked:
                self._session.publish(topic_of(self._site, class_, device, "get"), b'{"v":1}', qos=1)

    async def _listen(self) -> None:
        while True:
            messages = await self._session.receive(SUPERVISION)
            if len(messages) > 1 and self._clock.now().mono < self._careful:
                for message in messages:
                    await self._read((message,))
            else:
                await self._read(messages)

    async def _read(self, messages: Sequence[Message]) -> None:
        """What one batch of messages changes, and what the clock has brought."""
        now = self._clock.now()
        out = Outcome()
        try:
            await self._take(messages, now, out)
        except BaseException as error:
            self._left_over = out.take_back(now.mono)
            self._lost = now.mono if self._lost is None else self._lost
            self.aside.take_back()
            if isinstance(error, Exception):
                self._blame(error, now)
            raise
        finally:
            self._at = None
        self.aside.handed_over()

    def _blame(self, error: Exception, now: Now) -> None:
        """Remember what the source was at when it crashed; it crashes all the same."""
        self._careful = now.mono + CAREFUL
        at = self._at
        if isinstance(at, Message):
            party = self._party(at.topic)
            self.aside.crashed_at("nobody" if party is None else name_of(party), at.topic, at.payload, error, now)
        elif at is not None:
            self.aside.crashed_over(at.id, error, now)

    async def _take(self, messages: Sequence[Message], now: Now, out: Outcome) -> None:
        readers = self._readers
        out.samples, self._left_over = self._left_over, []
        self._note_connection(now, out)
        for message in messages:
            topic, payload = message.topic, message.payload
            reader = readers.get(topic)
            if reader is None:
                reader = self._find_reader(topic)
            if not self.aside.is_empty and self.aside.takes(topic, payload, message.qos, self._party(topic), now, out):
                continue
            self._at = message
            reader(payload, message.retain, now, out)
        if now.mono >= self._next_look:
            self._next_look = now.mono + SUPERVISION
            self._supervise(now, out)
        for topic, payload in out.requests:
            self._session.publish(topic, payload, qos=1)
        self._at = messages[0] if len(messages) == 1 else None
        if messages or out.samples or out.events:
            await self._hand_over(messages, out)

    async def _hand_over(self, messages: Sequence[Message], out: Outcome) -> None:
        """Also what changed nothing is handed over: a duplicate is acknowledged after the first of it is safe."""
        batch = _Batch([message for message in messages if message.qos], out.acks)
        if not (batch.messages or batch.acks):
            if out.samples or out.events:
                await self._deliver(Delivery(out.samples, out.events, self._life_safety))
            return
        self._unsettled.append(batch)
        await self._deliver(Delivery(out.samples, out.events, self._life_safety, partial(self._settle, batch)))

    def _settle(self, batch: _Batch, durable: bool) -> None:
        """What is not durable is not acknowledged to its device, which says it again until it is."""
        batch.settled = True
        batch.durable = durable
        unsettled = self._unsettled
        while unsettled and unsettled[0].settled:
            first = unsettled.popleft()
            self._session.acknowledge(first.messages)
            for (topic, boot, start), seq in first.acks.items() if first.durable else ():
                # QoS 0: a lost one is said again when the device repeats its event.
                self._session.publish(topic, f'{{"v":1,"boot":"{boot}","from":{start},"seq":{seq}}}'.encode())

    def _on_connected(self) -> None:
        if not self._life_safety:
            self._session.publish(daemon_status(self._site), _status("online"), 1, True)
        self._said_connected()

    def _note_connection(self, now: Now, out: Outcome) -> None:
        connection = self._session.connection
        changed = connection is not self._connection
        if changed and connection.up:
            self._connected = now.mono
            self._lost = None
            for device in self._heeded(now):
                device.connected(now, out)
        if not connection.up:
            self._connected = float("inf")
            self._lost = now.mono if self._lost is None else self._lost
            if now.mono - self._lost > BRIEF:
                for device in self._heeded(now):
                    device.unheard("broker session lost", out)
        repeat = now.mono - self._told > REPEAT_CONNECTION
        if (changed and connection.reason != NOT_YET) or repeat:
            self._told = now.mono
            out.samples.append(
                Sample(self._point, connection.up, Quality.GOOD, now.utc, now.mono, reason=connection.reason)
            )
        client_id = "taken" if self._session.is_contested else "ok"
        if client_id != self._id_told or repeat:
            self._id_told = client_id
            out.samples.append(Sample(self._id_point, client_id, Quality.GOOD, now.utc, now.mono))
        self._connection = connection

    def _supervise(self, now: Now, out: Outcome) -> None:
        if not self.aside.is_empty:
            for device in self._devices:
                if self.aside.rests(device.id, now):
                    self.aside.leave_alone(device, now, out)
                else:
                    device.standing.release(LEFT_ALONE)
        for device in self._heeded(now):
            device.supervise(now, self._connected, out)

    def _heeded(self, now: Now) -> Iterator[EstateDevice | ForeignDevice]:
        """All devices but those that are left alone; what happens while one of them is in hand is its doing."""
        for device in self._devices:
            if self.aside.is_empty or not self.aside.rests(device.id, now):
                self._at = device
                yield device
        self._at = None

    def _party(self, topic: str) -> Party | None:
        """Whose topic it is; only asked after a crash."""
        if topic not in self._parties and topic in self._readers:
            self._parties[topic] = owner(topic, self._devices, self._gateways)
        return self._parties.get(topic)

    def _find_reader(self, topic: str) -> Reader:
        """For a topic heard the first time: a gateway's status, or nobody's."""
        try:
            parsed = parse_topic(topic)
        except DecodeError:
            return self._stranger(topic[:64])
        if (parsed.site, parsed.class_, parsed.kind) != (self._site, "gateway", "status"):
            return self._stranger(f"{parsed.class_}/{parsed.device}")
        if self._unnamed_gateways >= MAX_GATEWAYS:
            return self._stranger(f"gateway/{parsed.device}")
        self._unnamed_gateways += 1
        return self._gateway(parsed.device)

    def _gateway(self, adapter: str) -> Reader:
        gateway = Gateway(adapter, self._devices)
        self._gateways[adapter] = gateway
        self._readers[topic_of(self._site, "gateway", adapter, "status")] = gateway.status
        return gateway.status

    def _stranger(self, who: str) -> Reader:
        self.strangers += 1
        if who not in self._known_strangers and len(self._known_strangers) < MAX_STRANGERS:
            self._known_strangers.add(who)
            log.warning("%s: messages from %r, which is not in this site's devices", self.name, who)
        return _ignore

    def _device(
        self, device: Device, profile: Profile, restored: Mapping[DeviceId, Restored], now: Now
    ) -> EstateDevice | ForeignDevice:
        assert profile.mqtt is not None
        if profile.mqtt.dialect == "topic":
            session = f"{now.utc:%Y%m%dT%H%M%S}-{token_hex(3)}"
            foreign = ForeignDevice(device.id, profile, device.topic or device.id, session)
            foreign.via = device.via
            for heard in foreign.topics:
                self._readers[heard] = partial(foreign.message, heard)
            return foreign
        track = EventTrack.restore(restored.get(DeviceId(device.id), Restored()), now.mono)
        own = EstateDevice(device.id, profile, self._site, track)
        own.via = device.via
        self._readers.update(own.readers())
        if device.id in self._commanded:
            self._readers[topic_of(self._site, own.class_, device.id, "cmd_result")] = partial(self._result, device.id)
        return own

    def _result(self, device: str, payload: bytes, retained: bool, _now: Now, _out: Outcome) -> None:
        if not retained:  # an answer is given once
            self.commands.result(device, payload)

    def _subscriptions(self) -> list[tuple[str, int]]:
        classes = sorted({device.class_ for device in self._devices if isinstance(device, EstateDevice)})
        root = f"{PREFIX}/{self._site}"
        wanted = [(f"{root}/gateway/+/status", 1)]
        for class_ in classes:
            wanted += [(f"{root}/{class_}/+/{kind}", 1) for kind in ("meta", "status", "state", "event")]
            wanted.append((f"{root}/{class_}/+/hb", 0))
        wanted += [(heard, 1) for heard in self._readers if heard.endswith("/cmd_result")]
        for device in self._devices:
            if isinstance(device, ForeignDevice):
                wanted += [(topic, 1) for topic in device.topics]
        return wanted


def _is_commanded(device: Device, profile: Profile) -> bool:
    section = profile.mqtt
    return device.commands and section is not None and section.dialect == "estate"


def _ignore(_payload: bytes, _retained: bool, _now: Now, _out: Outcome) -> None:
    """Nobody's message: acknowledged with its batch, and that is all."""


def _belongs(profile: Profile, life_safety: bool) -> bool:
    return profile.mqtt is not None and profile.mqtt.life_safety == life_safety


def _status(state: str) -> bytes:
    return f'{{"v":1,"state":"{state}"}}'.encode()


def _address(broker: Broker, site_id: str, life_safety: bool, secrets: Path) -> Address:
    return Address(
        broker.host,
        broker.port,
        f"estated-{site_id}-safety" if life_safety else f"estated-{site_id}",
        broker.protocol,
        broker.username,
        (secrets / broker.password_file).read_text().strip() if broker.password_file else None,
        ssl.create_default_context(cafile=secrets / broker.ca_file) if broker.ca_file else None,
    )

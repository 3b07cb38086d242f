"""One persistent broker session over aiomqtt and paho, and the only module that touches their private parts.

What is used beyond their public API, and why: `Client._client` (paho's manual acknowledgement, issue
empicano/aiomqtt#345, and publishing without one task per message), `Client._disconnected` (loss of the
connection without iterating messages), paho's `_sock` (replaced by a `Line`, which reads ahead) and
`_ping_t` (an unanswered ping is a dead broker). `check_private_parts` refuses versions without them.
"""

import asyncio
import logging
import random
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from time import monotonic
from typing import Any, NamedTuple

import aiomqtt
from paho.mqtt.client import Client as Paho
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from drivers.mqtt.line import Line
from estate.model import nothing

log = logging.getLogger(__name__)

BATCH = 500
"""Messages handed out at once: enough for one group commit, small enough to keep a console alive."""

BUSY_RATE = 300.0
COMPANY = 0.004
"""Above BUSY_RATE messages a second, wait this long (s) for company: halves the CPU at 1,000 a second."""

SESSION_EXPIRY = 7 * 86400
RECEIVE_MAXIMUM = 1000
MAXIMUM_PACKET = 1024 * 1024
MAX_UNCONFIRMED = 20_000
"""QoS 1 messages of ours without PUBACK; beyond it `publish` says no. Packet ids end at 65,535."""

MAX_PAUSE = 5.0
CONTESTED_PAUSE = (2.0, 5.0)
"""s to stay away when another client has taken our id. We come back in any case: whoever has it without right must not
have it for long. Two programs that throw each other out make at most one connection in these seconds."""

PEACE = 60.0
"""s without being thrown out after which nobody is said to contest the id any more."""

SHORT_LIFE = 5.0
TAKEN_OVER = 0x8E
NOT_YET = "not yet connected"

_PAHO_PARTS = ("ack", "manual_ack_set", "loop_write", "_registered_write", "_sock", "_sock_close", "_ping_t")
_AIOMQTT_PARTS = ("_client", "_disconnected")


class Message(NamedTuple):
    """A received message. `connection` numbers the connection it came over: only there can it be acknowledged."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int
    connection: int


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether the session is connected, since when (monotonic s), and why not."""

    up: bool
    since: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is and who we are. `protocol` is "5" or "3.1.1"; `tls` None means no TLS."""

    host: str
    port: int
    client_id: str
    protocol: str = "5"
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    keepalive: int = 10
    patience: float = 4.0  # s without an answer to a ping or a connect


def check_private_parts(client: object) -> None:
    """Raises RuntimeError naming the installed versions when aiomqtt or paho is not built as this module needs."""
    missing = [f"aiomqtt.Client.{name}" for name in _AIOMQTT_PARTS if not hasattr(client, name)]
    paho = getattr(client, "_client", None)
    missing += [f"paho Client.{name}" for name in _PAHO_PARTS if not hasattr(paho, name)]
    if missing:
        raise RuntimeError(
            f"aiomqtt {version('aiomqtt')} over paho-mqtt {version('paho-mqtt')} has no {', '.join(missing)}; "
            "this release was tested with aiomqtt 2.5.1 and paho-mqtt 2.2.0: install those"
        )


class Session:
    """Connects for ever, hands out messages in batches, acknowledges them only when told to.

    The queue of received messages is not bounded here: a bounded one in front of manual acknowledgement
    discards, and the broker does not send again before the next connection. Its bound is the broker's
    window (`RECEIVE_MAXIMUM` unacknowledged messages). Nothing published is kept across a
    reconnect: whoever publishes says it again in `on_connected`.
    """

    def __init__(
        self,
        address: Address,
        subscriptions: Sequence[tuple[str, int]],
        on_connected: Callable[[], None],
        will: aiomqtt.Will | None = None,
    ) -> None:
        self._address = address
        self._subscriptions = tuple(subscriptions)
        self._on_connected = on_connected
        self._will = will
        self._received: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._paho: Paho | None = None
        self._write: Callable[[], None] = nothing
        self._number = 0
        self._owed: deque[int] = deque()
        self._counted = 0
        self._counted_since = 0.0
        self._taken_over = float("-inf")
        self.rate = 0.0
        self.connection = Connection(False, 0.0, NOT_YET)

    @property
    def is_contested(self) -> bool:
        """Whether another client at the broker uses, or has just used, the id that is ours."""
        return monotonic() - self._taken_over < PEACE

    async def run(self) -> None:
        """Keep a connection up for ever; cancelled to stop (the broker then keeps the session, not the will)."""
        self._received.clear()  # of a run that crashed: unacknowledged, it comes again
        try:
            await self._connect_for_ever()
        finally:
            self.connection = Connection(False, monotonic(), NOT_YET)

    async def _connect_for_ever(self) -> None:
        pause = 0.5
        short_lives = 0
        while True:
            reason, code = await self._one_connection()
            lived = monotonic() - self.connection.since if self.connection.up else 0.0
            short_lives = short_lives + 1 if self.connection.up and lived < SHORT_LIFE else 0
            pause = 0.5 if lived > SHORT_LIFE else min(pause * 2, MAX_PAUSE)
            wait = random.uniform(0.2, pause)
            if code == TAKEN_OVER or short_lives >= 3:
                reason = f"another client uses the id {self._address.client_id} ({reason})"
                wait = random.uniform(*CONTESTED_PAUSE)
                if not self.is_contested:
                    log.error("broker %s:%s: %s", self._address.host, self._address.port, reason)
                self._taken_over = monotonic()
            elif self.connection.up or reason != self.connection.reason:
                log.warning("broker %s:%s lost: %s", self._address.host, self._address.port, reason)
            self.connection = Connection(False, monotonic() if self.connection.up else self.connection.since, reason)
            self._arrived.set()
            await asyncio.sleep(wait)

    async def receive(self, timeout: float) -> list[Message]:
        """The next messages, at most BATCH, in order of receipt; none when nothing arrived within `timeout` s.

        Also returns early, empty, when the connection came or went.
        """
        received = self._received
        if not received:
            self._arrived.clear()
            timer = asyncio.get_running_loop().call_later(timeout, self._arrived.set)
            try:
                await self._arrived.wait()
            finally:
                timer.cancel()
            if not received:
                return []
        if self.rate > BUSY_RATE and len(received) < BATCH:
            await asyncio.sleep(COMPANY)
        taken = [received.popleft() for _ in range(min(len(received), BATCH))]
        self._count(len(taken))
        return taken

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Hand a message over without waiting. False: not connected or too much unconfirmed, and nothing was sent."""
        if self._paho is None:
            return False
        return self._paho.publish(topic, payload, qos, retain).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def flush(self) -> None:
        """Send what was published now, and not at the loop's next turn."""
        if self._paho is not None:
            self._write()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """PUBACK these, in this order. Those of an earlier connection are skipped: the broker sends them again."""
        paho, number = self._paho, self._number
        for message in messages:
            if message.qos == 1 and message.connection == number:
                if paho is None:
                    # Redelivered with the CONNACK and settled before we could write.
                    self._owed.append(message.mid)
                else:
                    paho.ack(message.mid, 1)

    async def _one_connection(self) -> tuple[str, int]:
        """Connect and stay; returns why it ended and the reason code (0 when there is none)."""
        client = self._client()
        check_private_parts(client)
        paho = client._client
        try:
            async with client:
                _stop_if_cancelled()
                self._hold_line(paho)
                self._paho = paho
                while self._owed:
                    paho.ack(self._owed.popleft(), 1)
                await self._subscribe(client)
                self.connection = Connection(True, monotonic())
                if not self.is_contested:
                    log.info("connected to broker %s:%s", self._address.host, self._address.port)
                self._on_connected()
                self._arrived.set()
                try:
                    return await self._until_lost(client, paho)
                except asyncio.CancelledError:
                    if self._will is not None:  # an orderly goodbye makes the broker forget the will
                        paho.publish(self._will.topic, self._will.payload, 0, self._will.retain)
                    raise
        except aiomqtt.MqttCodeError as error:
            return str(error), _code(error)
        except aiomqtt.MqttError as error:
            return str(error), 0
        finally:
            self._paho = None
            paho.on_socket_open = _abandon
            if paho.socket() is not None:
                paho._sock_close()

    def _client(self) -> aiomqtt.Client:
        address = self._address
        five = address.protocol == "5"
        properties = None
        if five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            properties.MaximumPacketSize = MAXIMUM_PACKET
        client = aiomqtt.Client(
            address.host,
            address.port,
            identifier=address.client_id,
            username=address.username,
            password=address.password,
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            clean_session=None if five else False,
            clean_start=False if five else 3,
            properties=properties,
            will=self._will,
            keepalive=address.keepalive,
            timeout=address.patience,
            tls_context=address.tls,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            # 0 is no limit of our own: with one, paho walks all that is unconfirmed at every PUBACK.
            max_inflight_messages=0,
            max_queued_outgoing_messages=MAX_UNCONFIRMED,
        )
        paho = client._client
        paho.manual_ack_set(True)
        paho.disable_logger()
        paho.on_message = self._on_message
        paho.on_publish = None
        self._number += 1
        self._owed.clear()
        return client

    def _hold_line(self, paho: Paho) -> None:
        """Put a `Line` into paho, and its writes on the running loop's next turn instead of behind a self-pipe."""
        loop = asyncio.get_running_loop()
        sock = paho.socket()
        if not isinstance(sock, socket.socket):
            raise aiomqtt.MqttError("the broker closed the connection at once")
        line = Line(sock, loop)
        loop.remove_writer(sock.fileno())

        def write() -> None:
            if paho._sock is line:
                paho.loop_write()
                line.flush()
                if paho.want_write():  # the line is full: the broker does not read
                    loop.call_later(0.05, write)

        self._write = write

        def register(*_: object) -> None:
            loop.call_soon(write)

        paho._sock = line
        paho.on_socket_register_write = register
        paho.on_socket_unregister_write = None

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        topics: list[Any] = list(self._subscriptions)
        if self._address.protocol == "5":
            topics = [(topic, SubscribeOptions(qos=qos)) for topic, qos in topics]
        granted = await client.subscribe(topics)
        for (topic, _), answer in zip(self._subscriptions, granted, strict=True):
            if (answer if isinstance(answer, int) else int(getattr(answer, "value", 0))) >= 0x80:
                raise aiomqtt.MqttError(f"the broker refuses the subscription {topic} ({answer}); see its ACL")

    async def _until_lost(self, client: aiomqtt.Client, paho: Paho) -> tuple[str, int]:
        lost = client._disconnected
        while True:
            _stop_if_cancelled()
            await asyncio.wait((lost,), timeout=1.0)
            if lost.done():
                error = lost.exception()
                code = _code(error) if isinstance(error, aiomqtt.MqttCodeError) else 0
                return (str(error) if error else "disconnected"), code
            if paho._ping_t and monotonic() - paho._ping_t > self._address.patience:
                return f"no answer to a ping for {self._address.patience:g} s", 0

    def _on_message(self, _client: Paho, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        payload = message.payload
        if not isinstance(payload, bytes):
            payload = bytes(payload)
        self._received.append(Message(topic, payload, message.qos, message.retain, message.mid, self._number))
        if not self._arrived.is_set():
            self._arrived.set()

    def _count(self, taken: int) -> None:
        self._counted += taken
        now = monotonic()
        elapsed = now - self._counted_since
        if elapsed > 0.2:
            self.rate = self._counted / elapsed
            self._counted = 0
            self._counted_since = now


def _stop_if_cancelled() -> None:
    """Before Python 3.12 `asyncio.wait_for`, used by aiomqtt, may swallow a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _abandon(_client: Paho, _data: object, sock: object) -> None:
    """A connect that was cancelled goes on in its thread: end it before it takes the client id."""
    if isinstance(sock, socket.socket):
        sock.close()
    raise ConnectionAbortedError("no longer wanted")


def _code(error: aiomqtt.MqttCodeError) -> int:
    rc = error.rc
    return rc if isinstance(rc, int) else int(getattr(rc, "value", 0))

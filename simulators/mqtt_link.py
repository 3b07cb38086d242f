"""An adapter's connection to the broker: one paho client at a time, driven by the asyncio loop, can be cut."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

KEEPALIVE = 10
CONNECT_TIMEOUT = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
"""Seconds between attempts to connect."""
IN_FLIGHT = 2000
"""Messages without PUBACK; more wait inside paho, where the adapter's outbox bounds them."""


@dataclass(frozen=True, slots=True)
class BrokerAt:
    """Where the broker is and how to get in."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    protocol: Literal["5", "3.1.1"] = "5"
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we are gone without goodbye (retained, QoS 1)."""

    topic: str
    payload: bytes


class Link:
    """Connects until cancelled. `on_up` follows each connection, `on_message` each message for us."""

    def __init__(
        self,
        broker: BrokerAt,
        identifier: str,
        will: Callable[[], Will | None],
        *,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],
    ) -> None:
        self._broker = broker
        self._identifier = identifier
        self._will = will
        self._on_up = on_up
        self._on_message = on_message
        self._client: Client | None = None
        self._up = False
        self._answered = asyncio.Event()
        self._down = asyncio.Event()
        self._last = 0
        self._confirmed = asyncio.Event()
        self._allowed = asyncio.Event()
        self._allowed.set()

    @property
    def is_up(self) -> bool:
        return self._up

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Sent at once when there is a connection, else dropped: what must not be lost stays in an outbox."""
        if self._client is not None and self._up:
            self._last = self._client.publish(topic, payload, qos, retain).mid
            self._confirmed.clear()

    def subscribe(self, *topics: str) -> None:
        if self._client is not None and self._up:
            self._client.subscribe([(topic, 1) for topic in topics])

    def cut(self) -> None:
        """Tear the connection without goodbye and stay away until `mend`; the broker tells the will."""
        self._allowed.clear()
        self._tear()

    def mend(self) -> None:
        self._allowed.set()

    async def run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._allowed.wait()
            self._down.clear()
            self._answered.clear()
            try:
                await self._connect()
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await self._answered.wait()
                if self._up:
                    pause = FIRST_PAUSE
                await self._stay()
            except (OSError, TimeoutError):
                pass
            finally:
                self._tear()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def goodbye(self) -> None:
        """Leave properly: what was published is sent, the will is not."""
        client = self._client
        if client is None or not self._up:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                # Closing with unread PUBACKs resets the connection, and the broker loses what it has not read.
                await self._confirmed.wait()
                client.disconnect()
                await self._down.wait()

    async def _connect(self) -> None:
        broker = self._broker
        version = MQTTv5 if broker.protocol == "5" else MQTTv311
        client = Client(
            CallbackAPIVersion.VERSION2,
            self._identifier,
            protocol=version,
            clean_session=None if version == MQTTv5 else True,
        )
        client.username_pw_set(broker.username, broker.password)
        if broker.ca_file is not None:
            client.tls_set_context(ssl.create_default_context(cafile=broker.ca_file))
        client.max_inflight_messages_set(IN_FLIGHT)
        client.connect_timeout = CONNECT_TIMEOUT
        will = self._will()
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._received
        client.on_publish = self._published
        self._drive(client, asyncio.get_running_loop())
        self._client = client
        await asyncio.to_thread(client.connect, broker.host, broker.port, KEEPALIVE)

    def _drive(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        """paho's own way to live in another loop; its callbacks may come from the thread that connects."""

        def opened(client: Client, _userdata: Any, sock: Any) -> None:
            # Nagle holds a second small packet back for a delayed acknowledgement, about 40 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            loop.call_soon_threadsafe(_read, loop, client, sock)

        def closed(_client: Client, _userdata: Any, sock: Any) -> None:
            loop.remove_reader(sock)

        def blocked(client: Client, _userdata: Any, sock: Any) -> None:
            loop.call_soon_threadsafe(_write, loop, client, sock)

        def unblocked(_client: Client, _userdata: Any, sock: Any) -> None:
            loop.remove_writer(sock)

        client.on_socket_open, client.on_socket_close = opened, closed
        client.on_socket_register_write, client.on_socket_unregister_write = blocked, unblocked

    async def _stay(self) -> None:
        while self._up and self._client is not None:
            self._client.loop_misc()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._down.wait()

    def _tear(self) -> None:
        client, self._client, self._up = self._client, None, False
        self._down.set()
        if client is None:
            return
        client.on_socket_close = client.on_socket_register_write = client.on_socket_unregister_write = None
        sock: Any = client.socket()
        if sock is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(sock)
            loop.remove_writer(sock)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _connected(
        self, client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if client is not self._client:
            return
        self._answered.set()
        if reason.is_failure:
            self._down.set()
        else:
            self._up = True
            self._on_up()

    def _disconnected(
        self, client: Client, _u: Any, _flags: DisconnectFlags, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if client is self._client:
            self._up = False
            self._down.set()
            self._answered.set()

    def _published(self, client: Client, _u: Any, mid: int, _reason: ReasonCode, _properties: Properties) -> None:
        if client is self._client and mid == self._last:
            self._confirmed.set()

    def _received(self, client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if client is self._client:
            self._on_message(message.topic, bytes(message.payload))


class Linking(Protocol):
    """How an adapter comes by its connection: what `Link` takes."""

    def __call__(
        self,
        broker: BrokerAt,
        identifier: str,
        will: Callable[[], Will | None],
        *,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],
    ) -> Link: ...


def _read(loop: asyncio.AbstractEventLoop, client: Client, sock: Any) -> None:
    if sock.fileno() >= 0:
        loop.add_reader(sock, client.loop_read)


def _write(loop: asyncio.AbstractEventLoop, client: Client, sock: Any) -> None:
    if sock.fileno() >= 0 and client.want_write():
        loop.add_writer(sock, client.loop_write)

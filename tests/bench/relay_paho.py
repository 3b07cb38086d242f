"""The bare paho relay: paho on the asyncio loop with a plain callback, TCP_NODELAY, no journal."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt

Tell = Callable[[mqtt.Client, mqtt.MQTTMessage], None]


def alarm_of(event: dict[str, Any]) -> tuple[str, str]:
    """The topic and the document of the alarm that follows from a door's event."""
    high = event["type"] == "door.held"
    alarm = {
        "state": "unacknowledged" if high else "normal",
        "cause": {k: event[k] for k in ("dev", "boot", "seq")},
    }
    return f"estate/v1/bench/alarm/{event['dev']}.held", json.dumps(alarm)


def relay(client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
    topic, alarm = alarm_of(json.loads(message.payload))
    client.publish(topic, alarm, qos=1, retain=True)


async def run(port: int, name: str, heard: Tell, manual_ack: bool = False) -> None:
    """Connect, subscribe to all doors, say so, and hand every message to `heard`."""
    loop = asyncio.get_running_loop()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5, manual_ack=manual_ack)
    client.max_inflight_messages_set(1000)

    def opened(_client: mqtt.Client, _data: object, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.add_reader(sock, client.loop_read)

    def connected(*_: object) -> None:
        client.subscribe("estate/v1/bench/door/+/event", qos=1)

    client.on_socket_open = opened
    client.on_socket_close = lambda _c, _d, sock: loop.remove_reader(sock)
    client.on_socket_register_write = lambda _c, _d, sock: loop.add_writer(sock, client.loop_write)
    client.on_socket_unregister_write = lambda _c, _d, sock: loop.remove_writer(sock)
    client.on_connect = connected
    client.on_message = lambda _c, _d, message: heard(client, message)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", port)
    while True:
        client.loop_misc()
        await asyncio.sleep(1)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(int(sys.argv[1]), "relay-paho", relay))

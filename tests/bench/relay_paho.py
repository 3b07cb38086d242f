"""The bare paho relay: paho on the asyncio loop with a plain callback, TCP_NODELAY, no journal."""

import asyncio
import contextlib
import json
import socket
import sys
from typing import Any

import paho.mqtt.client as mqtt


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "relay-paho", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(1000)

    def opened(_client: mqtt.Client, _data: object, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.add_reader(sock, client.loop_read)

    def connected(*_: object) -> None:
        client.subscribe("estate/v1/bench/door/+/event", qos=1)

    def relay(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        event = json.loads(message.payload)
        high = event["type"] == "door.held"
        alarm = {
            "state": "unacknowledged" if high else "normal",
            "cause": {k: event[k] for k in ("dev", "boot", "seq")},
        }
        client.publish(f"estate/v1/bench/alarm/{event['dev']}.held", json.dumps(alarm), qos=1, retain=True)

    client.on_socket_open = opened
    client.on_socket_close = lambda _c, _d, sock: loop.remove_reader(sock)
    client.on_socket_register_write = lambda _c, _d, sock: loop.add_writer(sock, client.loop_write)
    client.on_socket_unregister_write = lambda _c, _d, sock: loop.remove_writer(sock)
    client.on_connect = connected
    client.on_message = relay
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", port)
    while True:
        client.loop_misc()
        await asyncio.sleep(1)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1])))

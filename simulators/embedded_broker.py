"""The embedded amqtt broker as a process of its own: `python -m simulators.embedded_broker PORT [PASSWORDS]`.

For a demo on a machine without Mosquitto: MQTT 3.1.1 only, nothing kept on disk, never for production.
"""

import asyncio
import sys

from amqtt.broker import Broker


async def main(port: int, passwords: str | None) -> None:
    """Serve until killed. `passwords` is a file of `name:argon2 hash` lines; without it anyone may connect."""
    anonymous: dict[str, dict[str, str]] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {}}
    by_file = {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": passwords}}
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    broker = Broker({"listeners": {"default": listener}, "plugins": by_file if passwords else anonymous})
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))

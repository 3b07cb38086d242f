"""The smallest relay that keeps what it says: the paho relay with one commit to disk, at FULL, before each alarm."""

import asyncio
import contextlib
import json
import sqlite3
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paho.mqtt.client as mqtt

from tests.bench.relay_paho import alarm_of, run

Batch = list[tuple[mqtt.Client, mqtt.MQTTMessage, str, str]]


def opened(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE alarm (topic TEXT, document TEXT)")
    return database


def commit(database: sqlite3.Connection, batch: Batch) -> None:
    database.execute("BEGIN")
    database.executemany("INSERT INTO alarm VALUES (?, ?)", [(topic, alarm) for _, _, topic, alarm in batch])
    database.execute("COMMIT")


async def main(port: int, file: Path) -> None:
    waiting: Batch = []
    arrived = asyncio.Event()

    def heard(client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
        waiting.append((client, message, *alarm_of(json.loads(message.payload))))
        arrived.set()

    async def keep() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as thread, contextlib.closing(opened(file)) as database:
            while True:
                await arrived.wait()
                arrived.clear()
                batch = waiting[:]
                waiting.clear()
                await loop.run_in_executor(thread, commit, database, batch)
                for client, message, topic, alarm in batch:
                    client.publish(topic, alarm, qos=1, retain=True)
                    client.ack(message.mid, message.qos)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep())
        tasks.create_task(run(port, "relay-journal", heard, manual_ack=True))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(int(sys.argv[1]), Path(folder) / "journal.db"))

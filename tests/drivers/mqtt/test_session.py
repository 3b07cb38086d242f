"""The session against a real Mosquitto: what is not settled is not acknowledged, and no loss goes unseen."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiomqtt
import pytest

from drivers.mqtt.session import Address, Message, Session, check_private_parts
from simulators.broker import RunningBroker, broker, free_port

PROTOCOLS = ("5", "3.1.1")


def session_on(port: int, name: str = "c1", protocol: str = "5", **more: Any) -> Session:
    will = aiomqtt.Will("t/will", b"gone", 1, True)
    return Session(Address("127.0.0.1", port, name, protocol, **more), [("t/in", 1), ("t/hb", 0)], lambda: None, will)


@asynccontextmanager
async def running(session: Session) -> AsyncIterator[Session]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(session.run())
        try:
            await until(session, lambda: session.connection.up)
            yield session
        finally:
            task.cancel()


async def until(session: Session, condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something about the connection; messages received meanwhile stay where they are."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def take(session: Session, count: int) -> list[Message]:
    taken: list[Message] = []
    async with asyncio.timeout(10):
        while len(taken) < count:
            taken += await session.receive(1.0)
    return taken


async def publish(port: int, payloads: Sequence[bytes], topic: str = "t/in") -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for payload in payloads:
            await client.publish(topic, payload, qos=1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(
    mosquitto: RunningBroker, protocol: str
) -> None:
    async with running(session_on(mosquitto.port, protocol=protocol)) as session:
        await publish(mosquitto.port, [b"1", b"2", b"3"])
        first = await take(session, 3)
        assert [message.payload for message in first] == [b"1", b"2", b"3"]
        session.acknowledge(first[:2])
    await publish(mosquitto.port, [b"4"])
    async with running(session_on(mosquitto.port, protocol=protocol)) as session:
        again = await take(session, 2)
        assert [message.payload for message in again] == [b"3", b"4"]
        session.acknowledge(again)
    async with running(session_on(mosquitto.port, protocol=protocol)) as session:
        await publish(mosquitto.port, [b"5"])
        assert [message.payload for message in await take(session, 1)] == [b"5"]


async def test_a_message_of_an_earlier_connection_cannot_be_acknowledged_on_this_one(mosquitto: RunningBroker) -> None:
    session = session_on(mosquitto.port)
    async with running(session):
        await publish(mosquitto.port, [b"1"])
        old = await take(session, 1)
    async with running(session):
        again = await take(session, 1)
        session.acknowledge(old)
    async with running(session):
        assert [message.payload for message in await take(session, 1)] == [b"1"]
    assert old[0].connection != again[0].connection


async def test_ten_thousand_messages_arrive_in_order_in_batches(mosquitto: RunningBroker) -> None:
    async with running(session_on(mosquitto.port)) as session, running(session_on(mosquitto.port, "c2")) as sender:
        expected = [b"%d" % number for number in range(10_000)]
        assert all(sender.publish("t/in", payload, qos=1) for payload in expected)
        taken: list[bytes] = []
        batches = 0
        async with asyncio.timeout(20):
            while len(taken) < 10_000:
                batch = await session.receive(1.0)
                session.acknowledge(batch)
                taken += [message.payload for message in batch]
                batches += 1
        assert taken == expected
        assert batches < 1000


async def test_a_session_can_be_stopped_at_any_moment(mosquitto: RunningBroker) -> None:
    for step in range(40):
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            task = tasks.create_task(session_on(mosquitto.port).run())
            await asyncio.sleep(step * 0.0003)
            task.cancel()


async def test_publishing_without_a_connection_is_told_and_not_queued() -> None:
    session = session_on(free_port())
    assert session.publish("t/out", b"x", qos=1) is False


async def test_a_broker_that_is_not_there_is_told_and_found_once_it_comes(tmp_path: Any) -> None:
    port = free_port()
    session = session_on(port)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(session.run())
        await until(session, lambda: "refused" in session.connection.reason)
        async with broker(tmp_path, port=port):
            await until(session, lambda: session.connection.up, 15)
            task.cancel()


async def test_a_broker_that_dies_is_noticed_at_once(mosquitto: RunningBroker) -> None:
    async with running(session_on(mosquitto.port)) as session:
        assert mosquitto.process is not None
        mosquitto.process.kill()
        await until(session, lambda: not session.connection.up, 3)
        assert session.publish("t/out", b"x") is False


async def test_a_broker_that_only_looks_alive_is_left(mosquitto: RunningBroker) -> None:
    """A stopped process keeps its sockets open, as a dead link without FIN does."""
    assert mosquitto.process is not None
    async with running(session_on(mosquitto.port, keepalive=2, patience=0.5)) as session:
        mosquitto.process.send_signal(signal.SIGSTOP)
        try:
            await until(session, lambda: not session.connection.up, 8)
            assert "no answer to a ping" in session.connection.reason
        finally:
            mosquitto.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def scripted(granted: str, then: str = "") -> AsyncIterator[tuple[int, list[int]]]:
    """A broker that accepts, answers a subscription with these reason codes, and says one thing more (hex)."""
    connections: list[int] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.read(1000)
        writer.write(bytes.fromhex("2003000000"))
        subscribe = await reader.read(1000)
        writer.write(b"\x90\x05" + subscribe[2:4] + b"\x00" + bytes.fromhex(granted) + bytes.fromhex(then))
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], connections


async def test_a_session_that_was_taken_over_does_not_fight_for_it() -> None:
    """A broker that says why (DISCONNECT with reason 0x8E), as MQTT 5 allows it to."""
    async with scripted("0100", "e0028e00") as (port, connections), asyncio.TaskGroup() as tasks:
        session = session_on(port)
        task = tasks.create_task(session.run())
        await until(session, lambda: "another client uses the id c1" in session.connection.reason)
        await asyncio.sleep(1.2)  # the usual pause is at most 1 s here
        assert len(connections) == 1
        task.cancel()


async def test_a_session_that_was_taken_over_comes_back_after_seconds_and_says_so() -> None:
    """Away for a minute, it would leave the alarms of that minute to whoever stole its id."""
    async with scripted("0100", "e0028e00") as (port, connections), asyncio.TaskGroup() as tasks:
        session = session_on(port)
        assert not session.is_contested
        task = tasks.create_task(session.run())
        await until(session, lambda: session.is_contested)
        began = asyncio.get_running_loop().time()
        await until(session, lambda: len(connections) >= 3, 12)
        assert asyncio.get_running_loop().time() - began > 3.5
        assert session.is_contested
        task.cancel()


async def test_a_refused_subscription_is_a_reason_and_not_a_silence() -> None:
    async with scripted("0187") as (port, _), asyncio.TaskGroup() as tasks:
        session = session_on(port)
        task = tasks.create_task(session.run())
        await until(session, lambda: "refuses the subscription t/hb" in session.connection.reason)
        task.cancel()


async def test_two_sessions_with_one_id_end_their_fight_even_when_the_broker_does_not_say_why(
    mosquitto: RunningBroker,
) -> None:
    async with running(session_on(mosquitto.port)) as one, running(session_on(mosquitto.port)) as other:
        await until(one, lambda: any("another client uses" in each.connection.reason for each in (one, other)), 15)


async def test_the_will_is_sent_by_a_broken_and_by_an_orderly_end(mosquitto: RunningBroker) -> None:
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as listener:
        await listener.subscribe("t/will", qos=1)
        async with running(session_on(mosquitto.port)):
            pass
        async with asyncio.timeout(5):
            async for message in listener.messages:
                assert message.payload == b"gone"
                break


async def test_a_refused_password_is_a_reason(tmp_path: Any) -> None:
    async with broker(tmp_path, users={"a": "secret"}) as running_broker:
        for password, reason in (("wrong", "not authori"), ("secret", "")):
            address = Address("127.0.0.1", running_broker.port, "c1", username="a", password=password)
            session = Session(address, [("t/#", 1)], lambda: None)
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(session.run())
                await until(session, lambda session=session: session.connection.reason != "not yet connected")
                assert reason.lower() in session.connection.reason.lower()
                assert session.connection.up == (reason == "")
                task.cancel()


def test_other_versions_of_the_libraries_are_refused_by_name() -> None:
    with pytest.raises(RuntimeError, match=r"aiomqtt \d.*paho-mqtt \d.*aiomqtt.Client._disconnected.*paho Client.ack"):
        check_private_parts(SimpleNamespace(_client=SimpleNamespace()))

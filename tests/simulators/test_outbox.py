"""The outbox by the hand clock: order, patience, history, and what happens when it is full."""

import json
from typing import Any

from simulators.outbox import Outbox


def event(seq: int, dev: str = "door-03") -> dict[str, Any]:
    return {"v": 1, "dev": dev, "boot": "b1", "seq": seq}


def box(capacity: int = 100) -> tuple[Outbox, list[dict[str, Any]]]:
    sent: list[dict[str, Any]] = []
    return Outbox(lambda topic, payload: sent.append(json.loads(payload)), capacity), sent


def test_what_was_buffered_for_long_is_uploaded_in_order_as_history() -> None:
    """PK-4: no false live alarm from what happened while the lane was off line."""
    outbox, sent = box()
    for seq, created in ((1, 10.0), (2, 11.0), (3, 18.0)):
        outbox.add("t", event(seq), created)
    outbox.send_unsent(20.0)
    assert [(message["seq"], message["hist"]) for message in sent] == [(1, True), (2, True), (3, False)]


def test_a_live_event_stays_live_however_often_it_is_sent() -> None:
    outbox, sent = box()
    outbox.transmit(outbox.add("t", event(1), 10.0), 10.0)
    assert [outbox.send_again(now) for now in (11.9, 12.0, 15.9, 16.0, 23.9, 24.0)] == [0, 1, 0, 1, 0, 1]
    assert sent == [event(1) | {"hist": False}] * 4


def test_an_acknowledgement_of_another_boot_or_device_changes_nothing() -> None:
    outbox, _ = box()
    outbox.add("t", event(1), 0.0)
    outbox.acknowledge("door-03", "b0", 1, 5)
    outbox.acknowledge("door-04", "b1", 1, 5)
    assert len(outbox) == 1
    outbox.acknowledge("door-03", "b1", 1, 5)
    assert len(outbox) == 0


def test_when_the_daemon_is_back_everything_is_due_at_once() -> None:
    outbox, sent = box()
    for seq in (1, 2):
        outbox.transmit(outbox.add("t", event(seq), 0.0), 0.0)
    outbox.send_again(2.0)
    outbox.start_over(2.5)
    assert outbox.send_again(2.5) == 2
    assert [message["seq"] for message in sent] == [1, 2] * 3


def test_a_full_outbox_loses_its_oldest_event_and_counts_it() -> None:
    outbox, sent = box(capacity=2)
    for created, message in enumerate((event(1), event(1, "door-04"), event(2))):
        outbox.add("t", message, float(created))
    outbox.send_unsent(3.0)
    assert [(message["dev"], message["seq"]) for message in sent] == [("door-04", 1), ("door-03", 2)]
    assert (len(outbox), outbox.lost) == (2, 1)

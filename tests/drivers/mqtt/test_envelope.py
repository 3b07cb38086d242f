"""Every malformed payload is refused with a reason; what is merely odd is kept."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.mqtt.envelope import MAX_BYTES, EventMessage, StateMessage, StatusMessage, excerpt, read, read_json
from drivers.mqtt.topics import Topic, parse_topic
from estate.errors import DecodeError

EVENT = {
    "v": 1, "dev": "d-012", "boot": "66f0-a1", "seq": 48123, "ts": "2026-03-01T07:41:05.120Z", "tq": "sync",
    "rx": "2026-03-01T07:41:05.402Z", "type": "access.denied", "hist": False, "ref": "hik:55210",
    "data": {"reader": "r1", "reason": "expired", "credential": {"kind": "card", "ref": "c:9f2a"}},
}  # fmt: skip


def encoded(**changes: object) -> bytes:
    return json.dumps({key: value for key, value in (EVENT | changes).items() if value is not ...}).encode()


def test_an_event_of_the_contract_is_read() -> None:
    said = read(EventMessage, encoded())
    assert (said.dev, said.boot, said.seq, said.type) == ("d-012", "66f0-a1", 48123, "access.denied")
    assert said.time == datetime(2026, 3, 1, 7, 41, 5, 120000, tzinfo=UTC)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"door open",
        b"[]",
        b"null",
        b'{"v":1',
        b"\xff\xfe",
        b'{"a":' * 5000,
        encoded(v=2),
        encoded(v=...),
        encoded(seq=...),
        encoded(seq=0),
        encoded(seq=-1),
        encoded(seq="7"),
        encoded(seq=7.5),
        encoded(seq=True),
        encoded(seq=2**53),
        encoded(boot=""),
        encoded(boot="a b"),
        encoded(boot="x" * 65),
        encoded(boot=7),
        encoded(type=""),
        encoded(type="door forced"),
        encoded(hist="yes"),
        encoded(hist=1),
        encoded(data=[]),
        encoded(data="open"),
        encoded(data={"ohm": float("nan")}),
        encoded(data={"ohm": float("inf")}),
        encoded(data={"deep": [{"ohm": float("-inf")}]}),
        encoded(data={"count": 2**53}),
        encoded(data={"deep": [[-(2**60)]]}),
        encoded(extra={"ohm": float("nan")}),
        encoded(data={"text": "x" * MAX_BYTES}),
        encoded().replace(b'"reader": "r1"', b'"reader": 1e400'),
        encoded().replace(b"r1", b"\\ud800"),
    ],
)
def test_a_malformed_event_is_refused_with_a_reason(payload: bytes) -> None:
    with pytest.raises(DecodeError) as refused:
        read(EventMessage, payload)
    assert 3 < len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "time", ["yesterday", 1740000000, None, [], "2026-03-01T07:41:05", "0001-01-01T00:00:00+23:59"]
)
def test_a_nonsense_time_does_not_cost_the_event(time: object) -> None:
    assert read(EventMessage, encoded(ts=time, tq=7)).time is None


def test_unknown_fields_are_kept() -> None:
    assert read(EventMessage, encoded(rssi=-71)).model_extra == {"rssi": -71}


def test_a_state_needs_its_data_and_a_status_a_known_word() -> None:
    with pytest.raises(DecodeError):
        read(StateMessage, encoded(data=...))
    with pytest.raises(DecodeError):
        read(StatusMessage, b'{"v":1,"state":"perhaps","boot":"b1"}')


def test_the_first_256_bytes_of_a_refused_payload_are_kept_in_hex() -> None:
    assert excerpt(b"\x00" + b"a" * 1000) == "00" + "61" * 255


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_decode_error(payload: bytes) -> None:
    for reader in (lambda: read(EventMessage, payload), lambda: read_json(payload)):
        try:
            reader()
        except DecodeError:
            continue


def test_a_topic_of_the_contract_is_taken_apart() -> None:
    assert parse_topic("estate/v1/oak/door/d-012/event") == Topic("oak", "door", "d-012", "event")


@pytest.mark.parametrize(
    "topic",
    [
        "", "estate/v1/oak/door/event", "estate/v2/oak/door/d-1/event", "estate/v1/Oak/door/d-1/event",
        "estate/v1/oak/door/-d/event", "estate/v1/oak/door/d 1/event", "estate/v1/oak/door/d-1/event/x",
        "estate/v1/oak/door/d-1/event\n", f"estate/v1/oak/door/{'d' * 49}/event", "estate/v1/oak/door/门/event",
    ],
)  # fmt: skip
def test_any_other_topic_is_refused(topic: str) -> None:
    with pytest.raises(DecodeError):
        parse_topic(topic)

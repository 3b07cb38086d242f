"""Numbered frames and the ring from which a console resumes."""

import json
from datetime import UTC, datetime

from daemon.web.frames import RING_BYTES, RING_FRAMES, Ring

AT = datetime(2026, 11, 23, tzinfo=UTC)


def test_a_frame_is_one_json_document_with_its_number() -> None:
    frame = Ring().add("alarms", [b'{"id":"a"}', b'{"id":"b"}'], AT)
    assert json.loads(frame.body) == {
        "seq": 1,
        "ts": "2026-11-23T00:00:00+00:00",
        "kind": "alarms",
        "data": [{"id": "a"}, {"id": "b"}],
    }


def test_values_carry_the_number_of_the_alarms_before_them_and_are_not_replayed() -> None:
    ring = Ring()
    assert ring.add("points", [b"{}"], AT).seq == 0
    ring.add("alarms", [b"{}"], AT)
    assert ring.add("points", [b"{}"], AT).seq == 1
    assert [frame.kind for frame in ring.after(0, ring.boot) or ()] == ["alarms"]


def test_a_console_gets_exactly_what_it_missed() -> None:
    ring = Ring()
    for _ in range(10):
        ring.add("alarms", [b"{}"], AT)
    assert [frame.seq for frame in ring.after(7, ring.boot) or ()] == [8, 9, 10]
    assert ring.after(10, ring.boot) == []


def test_numbers_of_another_run_or_of_the_future_mean_a_snapshot() -> None:
    ring = Ring()
    ring.add("alarms", [b"{}"], AT)
    assert ring.after(1, "another boot") is None
    assert ring.after(5, ring.boot) is None


def test_the_ring_forgets_the_oldest_by_count_and_by_size() -> None:
    ring = Ring()
    for _ in range(RING_FRAMES + 5):
        ring.add("alarms", [b"{}"], AT)
    assert ring.after(0, ring.boot) is None
    assert ring.after(5, ring.boot) is not None
    heavy = Ring()
    for _ in range(5):
        heavy.add("alarms", [b'"' + b"x" * (RING_BYTES // 2) + b'"'], AT)
    assert heavy.after(0, heavy.boot) is None
    assert len(heavy.after(4, heavy.boot) or ()) == 1

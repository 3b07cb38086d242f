"""No event is lost, doubled or taken for another, in whatever order the network brings them."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.mqtt.sequence import EventTrack, Mention, Restored, Verdict

TAKEN = (Verdict.NEW, Verdict.FILLED, Verdict.LATE, Verdict.PAST_BOOT)


def content(seq: int) -> int:
    return hash(("event", seq))


def take(track: EventTrack, *numbers: int, boot: str = "b1", mono: float = 0.0) -> list[Verdict]:
    return [track.accept(boot, seq, content(seq), mono) for seq in numbers]


def test_numbers_in_order_are_new() -> None:
    track = EventTrack()
    assert take(track, 1, 2, 3) == [Verdict.NEW] * 3
    assert track.contiguous == 3


def test_the_same_number_with_the_same_content_is_a_duplicate_and_with_another_a_conflict() -> None:
    track = EventTrack()
    take(track, 1, 2)
    assert track.accept("b1", 2, content(2), 0) is Verdict.DUPLICATE
    assert track.accept("b1", 2, 999, 0) is Verdict.CONFLICT


def test_a_gap_is_asked_for_again_every_ten_seconds_and_given_up_after_sixty() -> None:
    track = EventTrack()
    take(track, 1, 5)
    (gap,) = track.due(0.0)
    assert (gap.first, gap.last, gap.given_up) == (2, 4, False)
    assert track.due(5.0) == []
    assert [gap.first for gap in track.due(10.0)] == [2]
    assert track.contiguous == 1
    (lost,) = track.due(60.0)
    assert lost.given_up
    assert track.due(61.0) == []
    assert track.contiguous == 5


def test_an_event_of_a_gap_that_was_given_up_is_still_taken() -> None:
    track = EventTrack()
    take(track, 1, 3)
    track.due(61.0)
    assert take(track, 2, mono=200.0) == [Verdict.FILLED]
    assert take(track, 2, mono=201.0) == [Verdict.DUPLICATE]


def test_a_heartbeat_ahead_of_its_events_is_a_gap_only_after_two_seconds() -> None:
    track = EventTrack()
    take(track, 1)
    track.mention("b1", 3, 10.0)
    assert track.due(11.9) == []
    (gap,) = track.due(12.1)
    assert (gap.first, gap.last) == (2, 3)
    assert take(track, 2, 3, mono=13.0) == [Verdict.FILLED] * 2
    assert track.contiguous == 3


def test_a_state_that_overtook_its_event_is_no_gap() -> None:
    track = EventTrack()
    take(track, 1)
    track.mention("b1", 2, 10.0)
    take(track, 2, mono=10.1)
    assert track.due(20.0) == []


def test_first_contact_in_the_middle_of_a_boot_is_no_gap() -> None:
    track = EventTrack()
    assert take(track, 5000) == [Verdict.NEW]
    assert track.due(100.0) == []
    assert track.contiguous == 5000


def test_an_event_overtaken_by_the_state_of_first_contact_is_late_and_not_lost() -> None:
    track = EventTrack()
    track.mention("b1", 7, 0.0)
    assert take(track, 7, mono=0.1) == [Verdict.FILLED]
    assert take(track, 6, mono=100.0) == [Verdict.LATE]
    assert take(track, 8, mono=100.0) == [Verdict.NEW]


def test_a_new_boot_may_start_again_at_one_or_count_on() -> None:
    for first in (1, 11):
        track = EventTrack()
        take(track, *range(1, 11))
        assert take(track, first, boot="b2") == [Verdict.NEW]
        assert track.due(0.0) == []
        assert track.boot == "b2"


def test_a_new_boot_that_has_already_lost_events_opens_a_gap() -> None:
    track = EventTrack()
    take(track, *range(1, 11))
    track.mention("b2", 3, 0.0)
    (gap,) = track.due(2.5)
    assert (gap.boot, gap.first, gap.last) == ("b2", 1, 3)


def test_a_boot_left_behind_does_not_become_current_again_while_the_newer_one_speaks() -> None:
    track = EventTrack()
    take(track, 1)
    assert track.mention("b2", 0, 0.0) is Mention.RESTARTED
    assert track.mention("b1", 9, 0.0) is Mention.PAST
    assert take(track, 1) == [Verdict.DUPLICATE]
    assert take(track, 2) == [Verdict.PAST_BOOT]
    assert take(track, 2) == [Verdict.DUPLICATE]
    assert track.boot == "b2"


def test_a_buffered_event_of_an_unknown_boot_neither_replaces_the_current_one_nor_bars_its_own() -> None:
    track = EventTrack()
    take(track, 1, 2, boot="b5")
    for older in (7, 8):
        assert track.accept("b4", older, content(older), 0.0, historic=True) is Verdict.PAST_BOOT
    assert track.accept("b4", 7, content(7), 0.0, historic=True) is Verdict.DUPLICATE
    assert track.boot == "b5"
    assert take(track, 3, boot="b5") == [Verdict.NEW]
    assert track.accept("b6", 1, content(1), 0.0, historic=True) is Verdict.PAST_BOOT
    assert track.mention("b6", 1, 0.0) is Mention.RESTARTED
    assert take(track, 1, 2, boot="b6") == [Verdict.DUPLICATE, Verdict.NEW]


def test_what_the_journal_holds_is_not_new_after_a_restart() -> None:
    known = Restored(boots=("b0", "b1"), boot="b1", contiguous=5, extra=(7, 8))
    track = EventTrack.restore(known, 0.0)
    assert take(track, 5, 7) == [Verdict.DUPLICATE] * 2
    assert [(gap.first, gap.last) for gap in track.due(0.0)] == [(6, 6)]
    assert track.contiguous == 5
    assert take(track, 6, 9) == [Verdict.FILLED, Verdict.NEW]
    assert track.contiguous == 9
    assert track.mention("b0", 100, 0.0) is Mention.PAST
    assert take(track, 1, boot="b0") == [Verdict.PAST_BOOT]


def test_holes_far_behind_are_not_asked_for_at_every_restart() -> None:
    track = EventTrack.restore(Restored(("b1",), "b1", 5, tuple(range(7, 3000))), 0.0)
    assert track.due(0.0) == []
    assert take(track, 6) == [Verdict.FILLED]


def test_too_many_gaps_are_joined_and_still_lose_nothing() -> None:
    track = EventTrack()
    take(track, *range(1, 401, 2))
    assert all(verdict in TAKEN for verdict in take(track, *range(2, 401, 2)))
    assert len(track.due(61.0)) <= 64
    assert track.contiguous == 400


@given(
    st.permutations(range(1, 31)),
    st.lists(st.integers(1, 30), max_size=20),
)
def test_every_number_is_taken_once_in_any_order_and_however_often_it_comes(
    order: list[int], repeated: list[int]
) -> None:
    track = EventTrack()
    track.mention("b1", 0, 0.0)
    taken = [seq for seq in [*order, *repeated] if track.accept("b1", seq, content(seq), 0.0) in TAKEN]
    assert sorted(taken) == list(range(1, 31))
    assert track.contiguous == 30
    assert track.due(100.0) == []


@given(st.lists(st.integers(1, 30), min_size=1, unique=True), st.integers(0, 30))
def test_what_was_dropped_is_exactly_what_is_asked_for(arrived: list[int], said: int) -> None:
    track = EventTrack()
    track.mention("b1", 0, 0.0)
    take(track, *arrived)
    track.mention("b1", said, 0.0)
    asked = {seq for gap in track.due(3.0) for seq in range(gap.first, gap.last + 1)}
    assert asked == set(range(1, max(said, *arrived) + 1)) - set(arrived)


@given(st.lists(st.tuples(st.sampled_from(["b1", "b2", "b3"]), st.integers(1, 8)), max_size=60))
def test_no_event_is_ever_taken_twice_over_any_mixture_of_boots(said: list[tuple[str, int]]) -> None:
    track = EventTrack()
    taken = [key for key in said if track.accept(*key, content(key[1]), 0.0) in TAKEN]
    assert len(taken) == len(set(taken))
    assert set(taken) == set(said)


@given(st.lists(st.integers(1, 40), min_size=1, unique=True), st.lists(st.integers(1, 40), max_size=20))
def test_a_restart_in_the_middle_takes_the_rest_and_nothing_twice(before: list[int], after: list[int]) -> None:
    held = set(before)
    contiguous = next(seq for seq in range(42) if seq + 1 not in held)
    extra = tuple(sorted(seq for seq in held if seq > contiguous))
    track = EventTrack.restore(Restored(("b1",), "b1", contiguous, extra), 0.0)
    taken = [seq for seq in after if track.accept("b1", seq, content(seq), 0.0) in TAKEN]
    assert sorted(taken) == sorted(set(after) - held)

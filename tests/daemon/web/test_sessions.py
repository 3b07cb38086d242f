"""Sessions and when they end."""

import pytest

from daemon.web.sessions import ABSOLUTE, EACH, IDLE, MOST, Sessions, SessionsFull
from tests.daemon.web.desk import people

USER, OTHER = people()[1:3]


def test_a_token_is_long_random_and_not_kept() -> None:
    sessions = Sessions()
    tokens = {sessions.open(USER, "10.0.0.1", 0.0) for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) >= 43 for token in tokens)
    kept = repr(vars(sessions))
    assert not any(token in kept for token in tokens)


def test_an_idle_session_ends_but_an_open_window_keeps_it() -> None:
    sessions = Sessions()
    idle, watching = sessions.open(USER, "a", 0.0), sessions.open(USER, "a", 0.0)
    session = sessions.find(watching, 0.0)
    assert session is not None
    session.windows = 1
    assert sessions.find(idle, IDLE + 1) is None
    assert sessions.find(watching, IDLE + 1) is session


def test_no_session_outlives_its_absolute_end() -> None:
    sessions = Sessions()
    token = sessions.open(USER, "a", 0.0)
    session = sessions.find(token, 0.0)
    assert session is not None
    session.windows = 1
    assert sessions.find(token, ABSOLUTE + 1) is None


def test_signing_out_ends_it_at_once() -> None:
    sessions = Sessions()
    token = sessions.open(USER, "a", 0.0)
    sessions.close(token)
    assert sessions.find(token, 0.0) is None


def test_a_thousand_sign_ins_of_one_user_end_nobody_elses_session() -> None:
    sessions = Sessions()
    desk, other = sessions.open(OTHER, "a", 0.0), sessions.open(OTHER, "a", 1.0)
    for second in range(1000):
        sessions.open(USER, "b", 2.0 + second)
    assert len(sessions) == EACH + 2
    assert sessions.find(desk, 1003.0) is not None
    assert sessions.find(other, 1003.0) is not None


def test_of_one_users_sessions_the_one_unused_longest_ends_but_none_with_a_window() -> None:
    sessions = Sessions()
    tokens = [sessions.open(USER, "a", float(second)) for second in range(EACH)]
    found = [sessions.find(token, float(second)) for second, token in enumerate(tokens)]
    assert found[0] is not None
    found[0].windows = 1
    sessions.open(USER, "a", 10.0)
    assert [sessions.find(token, 10.0) is not None for token in tokens] == [True, False, True, True, True]
    for session in sessions._sessions.values():
        session.windows = 1
    with pytest.raises(SessionsFull):
        sessions.open(USER, "a", 11.0)
    sessions.open(OTHER, "a", 11.0)


def test_the_table_is_bounded_and_open_windows_stay() -> None:
    sessions = Sessions()
    watching = sessions.find(sessions.open(USER, "a", 0.0), 0.0)
    assert watching is not None
    watching.windows = 1
    for number in range(MOST + 50):
        sessions.open(USER.model_copy(update={"id": f"user-{number}"}), "a", 1.0 + number)
    assert len(sessions) == MOST
    assert watching.valid(600.0)

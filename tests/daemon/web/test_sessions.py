"""Sessions and when they end."""

from daemon.web.sessions import ABSOLUTE, IDLE, MOST, Sessions
from tests.daemon.web.desk import people

USER = people()[1]


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


def test_signing_out_ends_it_at_once_and_the_table_is_bounded() -> None:
    sessions = Sessions()
    token = sessions.open(USER, "a", 0.0)
    sessions.close(token)
    assert sessions.find(token, 0.0) is None
    for _ in range(MOST + 50):
        sessions.open(USER, "a", 0.0)
    assert len(sessions) == MOST

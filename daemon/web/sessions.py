"""Who is signed in: random tokens, kept hashed in memory, ended by idleness, age or sign-out."""

import hashlib
import secrets
from dataclasses import dataclass, field

from daemon.web.allowance import Allowance
from estate.people import User

IDLE = 1800.0  # s without a request and without an open window
ABSOLUTE = 43200.0  # s: one long shift
EACH = 5  # sessions of one user; when full, the one unused longest ends that has no window open
MOST = 500  # sessions of all users, likewise
WINDOWS_EACH = 20  # open windows of one session
RECEIPTS_AT_ONCE, RECEIPTS_PER_SECOND = 20_000, 50
"""What one session may say of alarms shown and sounded: a burst of ten thousand once, then what people can perceive."""


class SessionsFull(Exception):
    """Every session that could make room has a window open."""


@dataclass(slots=True, eq=False)
class Session:
    """One sign-in. An open window keeps it from going idle: a console that signs itself off in a
    quiet night would be silent when the alarm comes. `key` is what tokens of this session are made with."""

    user: User
    address: str
    opened: float
    used: float
    windows: int = field(default=0)
    ended: bool = field(default=False)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    receipts: Allowance = field(init=False)

    def __post_init__(self) -> None:
        self.receipts = Allowance.full(RECEIPTS_AT_ONCE, RECEIPTS_PER_SECOND, self.opened)

    def valid(self, now: float) -> bool:
        if self.ended or now - self.opened > ABSOLUTE:
            return False
        return self.windows > 0 or now - self.used <= IDLE

    def left(self, now: float) -> float:
        """Seconds until the absolute end."""
        return max(0.0, self.opened + ABSOLUTE - now)


class Sessions:
    """All times are monotonic seconds."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, Session] = {}

    def open(self, user: User, address: str, now: float) -> str:
        """A new 256-bit token; only its hash is kept. Raises SessionsFull."""
        self._sessions = {key: one for key, one in self._sessions.items() if one.valid(now)}
        own = [key for key, one in self._sessions.items() if one.user.id == user.id]
        if len(own) >= EACH:
            self._end_oldest(own)
        elif len(self._sessions) >= MOST:
            self._end_oldest(list(self._sessions))
        token = secrets.token_urlsafe(32)
        self._sessions[_hashed(token)] = Session(user, address, now, now)
        return token

    def _end_oldest(self, among: list[bytes]) -> None:
        idle = [key for key in among if not self._sessions[key].windows]
        if not idle:
            raise SessionsFull
        oldest = min(idle, key=lambda key: self._sessions[key].used)
        self._sessions.pop(oldest).ended = True

    def find(self, token: str, now: float) -> Session | None:
        """The session of a token, marked as used; None when there is none or it has ended."""
        session = self._sessions.get(_hashed(token))
        if session is None or not session.valid(now):
            return None
        session.used = now
        return session

    def close(self, token: str) -> None:
        session = self._sessions.pop(_hashed(token), None)
        if session is not None:
            session.ended = True

    def __len__(self) -> int:
        return len(self._sessions)


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()

"""Signing in: the user's password against its hash, at a price that neither guessing nor flooding pays."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address

from daemon.web.lockout import LONGEST_DELAY, Lockout
from daemon.web.password import PasswordHash, unusable
from daemon.web.sessions import Sessions, SessionsFull
from estate.model import Clock
from estate.people import User

AT_ONCE = 2  # hashes running; each takes a core and 16 MiB
MOST_WAITING = 16  # sign-ins waiting for a hash; the next one is told to come back
LOCAL_DELAY = 30.0  # s: on the machine itself a supervisor is never shut out for longer
FULL_DELAY = 60.0  # s: when all sessions of a user have windows open


@dataclass(frozen=True, slots=True)
class Refusal:
    """No session. `wait` is the seconds until the next try makes sense, 0 when the password was wrong."""

    reason: str
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Admission:
    user: User
    token: str


class SignIn:
    """Users from the site's people; a user without a password hash cannot sign in."""

    def __init__(self, users: Iterable[User], sessions: Sessions, clock: Clock) -> None:
        self._users = {user.id: user for user in users}
        self._hashes = {
            user.id: PasswordHash.parse(user.password) for user in self._users.values() if user.password is not None
        }
        self._nobody = unusable(next(iter(self._hashes.values()), None))
        self._sessions = sessions
        self._clock = clock
        # what is tried from afar must not shut out the desk on the machine itself, nor the other way round
        self._here = Lockout(free=5)
        self._afar = Lockout(free=5)
        self._addresses = Lockout(free=20)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting = 0

    async def sign_in(self, name: str, password: str, address: str) -> Admission | Refusal:
        now = self._clock.now().mono
        local = _is_local(address)
        accounts = self._here if local else self._afar
        wait = max(accounts.delay(name, now), self._addresses.delay(address, now))
        if wait > 0:
            return Refusal("locked", wait)
        if self._waiting >= MOST_WAITING:
            return Refusal("busy", 2.0)
        longest = LOCAL_DELAY if local else LONGEST_DELAY
        accounts.attempt(name, now, longest)
        self._addresses.attempt(address, now, longest)
        stored = self._hashes.get(name, self._nobody)
        self._waiting += 1
        try:
            fits = await asyncio.get_running_loop().run_in_executor(self._threads, stored.fits, password)
        finally:
            self._waiting -= 1
        if not fits:
            return Refusal("wrong")
        accounts.forgive(name)
        self._addresses.forgive(address)
        user = self._users[name]
        try:
            return Admission(user, self._sessions.open(user, address, self._clock.now().mono))
        except SessionsFull:
            return Refusal("full", FULL_DELAY)

    def knows(self, name: str) -> bool:
        return name in self._users

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _is_local(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False

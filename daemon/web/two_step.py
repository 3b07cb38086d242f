"""The second step of a command that must not be given by one slip of the hand."""

import hmac
from hashlib import sha256

from daemon.web.sessions import Session

WITHIN = 30.0  # s from the first step to the second


def confirmation(session: Session, about: str, now: float) -> str:
    """What the first step hands out. `about` names the command and its own id, which nobody gives twice, so that the
    same second step sent again changes nothing. `now` is monotonic seconds."""
    until = int(now + WITHIN)
    return f"{until}.{_sealed(session, about, until)}"


def confirms(session: Session, about: str, said: str, now: float) -> bool:
    """Whether this was handed out to this session for this command not longer than WITHIN ago."""
    until, _, seal = said.partition(".")
    if not until.isdecimal() or not seal.isascii() or now > int(until):
        return False
    return hmac.compare_digest(seal, _sealed(session, about, int(until)))


def _sealed(session: Session, about: str, until: int) -> str:
    return hmac.new(session.key, f"{until}\n{about}".encode(), sha256).hexdigest()

"""Whose name a console's name is: two sessions never write the same one into the journal."""

from dataclasses import dataclass
from itertools import chain, count

from daemon.web.sessions import Session

LONGEST = 32  # characters of a name


@dataclass(slots=True)
class _Holder:
    session: Session
    windows: int = 0


class ConsoleNames:
    """A name belongs to the session that has a window open under it. Another session that says the same name (a
    copied browser profile, or a lie) is `name-2`, and so on. A session that has ended holds nothing."""

    def __init__(self) -> None:
        self._holders: dict[str, _Holder] = {}

    def take(self, wanted: str, session: Session) -> str:
        """For a window that opens; each call needs a `give_back`."""
        name = self.known_as(wanted, session)
        holder = self._holders.get(name)
        if holder is None or holder.session is not session:
            holder = self._holders[name] = _Holder(session)
        holder.windows += 1
        return name

    def give_back(self, name: str, session: Session) -> None:
        holder = self._holders.get(name)
        if holder is not None and holder.session is session:
            holder.windows -= 1
            if holder.windows == 0:
                del self._holders[name]

    def known_as(self, wanted: str, session: Session) -> str:
        """How a session that says this name is recorded."""
        names = chain((wanted,), (f"{wanted[: LONGEST - 4]}-{number}" for number in count(2)))
        return next(name for name in names if self._is_free(name, session))

    def _is_free(self, name: str, session: Session) -> bool:
        holder = self._holders.get(name)
        return holder is None or holder.session is session or holder.session.ended

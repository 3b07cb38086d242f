"""What each role may do, and the dependency by which every route says what it needs."""

from enum import StrEnum
from http import HTTPStatus

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from daemon.web.sessions import Session, Sessions
from estate.model import Clock
from estate.people import Role

COOKIE = "estate"
SECURE_COOKIE = "__Host-estate"


class Permission(StrEnum):
    PUBLIC = "public"  # anyone, signed in or not
    SIGNED_IN = "signed in"
    SEE = "see"  # live values, alarms, maps, procedures
    OPERATE = "operate"  # acknowledge, reset, silence, shelve for half an hour
    SHELVE_LONG = "shelve long"
    SERVICE = "service"  # take an alarm out of service and return it
    READ_JOURNAL = "read journal"


# The auditor reads what was done and touches nothing; the engineer keeps the devices and operates nothing.
ROLES: dict[Permission, frozenset[Role]] = {
    Permission.SIGNED_IN: frozenset(Role),
    Permission.SEE: frozenset(Role) - {Role.AUDITOR},
    Permission.OPERATE: frozenset({Role.OPERATOR, Role.SUPERVISOR}),
    Permission.SHELVE_LONG: frozenset({Role.SUPERVISOR}),
    Permission.SERVICE: frozenset({Role.SUPERVISOR}),
    Permission.READ_JOURNAL: frozenset(Role) - {Role.VIEWER},
}


def allowed(role: Role) -> list[str]:
    """The permissions of a role, for the console to know which buttons to offer."""
    return [permission.value for permission, roles in ROLES.items() if role in roles]


def cookie_name(connection: HTTPConnection) -> str:
    return SECURE_COOKIE if connection.url.scheme in ("https", "wss") else COOKIE


class Needs:
    """A route's dependency: the session if its role has the permission, else 401 or 403.

    Raised before a WebSocket is accepted, it refuses the handshake.
    """

    def __init__(self, permission: Permission, sessions: Sessions, clock: Clock) -> None:
        self.permission = permission
        self._sessions = sessions
        self._clock = clock

    async def __call__(self, connection: HTTPConnection) -> Session:
        token = connection.cookies.get(cookie_name(connection))
        session = self._sessions.find(token, self._clock.now().mono) if token else None
        if session is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "no session")
        if session.user.role not in ROLES[self.permission]:
            raise HTTPException(HTTPStatus.FORBIDDEN, "not permitted")
        return session


class Public:
    """The dependency of a route that anyone may call: written down, so that a forgotten one stands out."""

    permission = Permission.PUBLIC

    async def __call__(self) -> None:
        return None

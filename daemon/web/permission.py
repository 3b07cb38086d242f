"""What each role may do, and who is let in by it."""

from enum import StrEnum
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from daemon.web.connection import KNOWN
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


def may(session: Session, permission: Permission) -> bool:
    return session.user.role in ROLES[permission]


def cookie_name(connection: HTTPConnection) -> str:
    return SECURE_COOKIE if connection.url.scheme in ("https", "wss") else COOKIE


def admitted(connection: HTTPConnection, permission: Permission, sessions: Sessions, clock: Clock) -> Session | None:
    """The session if its role has the permission, none where the public is let in; else raises a 401 or 403.

    Raised before a WebSocket is accepted, it refuses the handshake.
    """
    if permission is Permission.PUBLIC:
        return None
    token = connection.cookies.get(cookie_name(connection))
    session = sessions.find(token, clock.now().mono) if token else None
    if session is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "no session")
    if not may(session, permission):
        raise HTTPException(HTTPStatus.FORBIDDEN, "not permitted")
    if (recognise := connection.scope.get(KNOWN)) is not None:
        recognise()
    return session

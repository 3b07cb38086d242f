"""Who may log in, and who lives where."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from estate.strict import Id, Strict, Words


class Role(StrEnum):
    """What a user may do. An auditor reads the journal and never operates; nobody is auditor and engineer."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ENGINEER = "engineer"
    AUDITOR = "auditor"


PasswordHash = Annotated[
    str, StringConstraints(pattern=r"^scrypt\$[0-9]+\$[0-9]+\$[0-9]+\$[0-9a-f]{16,}\$[0-9a-f]{32,}$")
]


class User(Strict):
    """`password` is `scrypt$n$r$p$salt$hash`, salt and hash in hex; a user without one cannot log in."""

    id: Id
    name: Words
    role: Role
    password: PasswordHash | None = None


class Resident(Strict):
    name: Words
    phone: Words
    note: str = ""


class Household(Strict):
    """Personal data: shown only to those who need it, and looking at it is recorded (CR-9)."""

    id: Id
    room: Words
    building: Words
    residents: tuple[Resident, ...] = ()
    note: str = ""

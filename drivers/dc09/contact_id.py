"""Contact ID inside DC-09 (SIA DC-05): qualifier, code, partition, and zone or user."""

import re
from dataclasses import dataclass
from enum import StrEnum

from estate.errors import DecodeError

_BLOCK = re.compile(r"#(?P<account>[0-9A-Fa-f]{3,16})\|(?P<qualifier>[136])(?P<code>[0-9A-Fa-f]{3}) "
                    r"(?P<group>[0-9A-Fa-f]{2}) (?P<zone>[0-9A-Fa-f]{3})")  # fmt: skip


class Qualifier(StrEnum):
    NEW = "1"  # an event, or an opening
    RESTORE = "3"  # its end, or a closing
    STATUS = "6"  # what still stands


@dataclass(frozen=True, slots=True)
class ContactId:
    qualifier: Qualifier
    code: str
    group: str
    zone: str


def contact_id(data: str) -> ContactId:
    """`#1234|1130 01 015`. Raises DecodeError."""
    found = _BLOCK.fullmatch(data)
    if found is None:
        raise DecodeError(f"no Contact ID: {data[:40]!r}")
    return ContactId(Qualifier(found["qualifier"]), found["code"].upper(), found["group"], found["zone"])

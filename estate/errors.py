"""The errors of this project, each with its own reaction.

Exception
  ConfigError          the site, a rule or a profile is wrong: every fault with file and line -> refuse to start
  TransportError       no answer, reset, timeout                        -> quality bad, retry (drivers only)
    NotSent            it never left: nothing can have happened           -> a command failed, nobody need look
    DeviceRefused      the device answered with a refusal               -> bad for those points, others live on
  DecodeError          bytes arrived but mean nothing                   -> quality bad (decode)
  CommandRefused       a person asked for something not allowed now     -> 409 with the reason
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a file: where it stands, what is wrong, and what to do about it (zh and en)."""

    file: str
    line: int
    zh: str
    en: str

    def text(self, language: str = "en") -> str:
        return f"{self.file}:{self.line}: {self.zh if language == 'zh' else self.en}"


@dataclass(frozen=True, slots=True)
class Unparsed(Fault):
    """A file that could not be read to its end: what other files say of it would only be an echo."""


class ConfigError(Exception):
    """Carries every fault found, not the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(fault.text() for fault in faults))
        self.faults = tuple(faults)


class TransportError(Exception):
    """The device or its line did not answer as the protocol demands."""


class NotSent(TransportError):
    """What was to be written never left this machine."""


class DeviceRefused(TransportError):
    """The device answered, and the answer was no (a Modbus exception code, a refused command)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class DecodeError(Exception):
    """A payload or register arrived whole and means nothing."""


class CommandRefused(Exception):
    """A command that is not allowed now; the text says why and what would allow it."""

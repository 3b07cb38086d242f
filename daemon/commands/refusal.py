"""Why a command did nothing, on standard error."""

import sys
from collections.abc import Iterable

from estate.errors import ConfigError, Fault
from estate.wording import catalogue


def refuse(command: str, reason: Exception, language: str = "en") -> int:
    """Every fault of a site with its line, or the one thing that is wrong. Returns the exit code."""
    match reason:
        case ConfigError():
            print("\n".join(listed(reason.faults, language)), file=sys.stderr)
        case FileNotFoundError():
            print(f"estated {command}: {reason}: no journal", file=sys.stderr)
        case _:
            print(f"estated {command}: {reason}", file=sys.stderr)
    return 1


def listed(faults: Iterable[Fault], language: str) -> list[str]:
    """Every fault on a line, and how many there are."""
    lines = [one.text(language) for one in faults]
    code = "summary_one" if len(lines) == 1 else "summary_bad"
    return [*lines, catalogue()[code][language].format(count=len(lines))]

"""`estated kpi`: the figures of a period from the journal, per shift and position."""

import json
from datetime import tzinfo
from pathlib import Path

from daemon.commands.moment import period, zone_named
from daemon.commands.refusal import refuse
from daemon.kpi.document import document
from daemon.kpi.printing import lines
from daemon.kpi.report import kpi
from daemon.kpi.shift import Shifts
from daemon.state import StateFolder
from estate.errors import ConfigError, TransportError
from estate.site import load_site


def main_kpi(
    site: Path | None, state: Path, start: str, end: str, shift: str, zone: str, language: str, as_json: bool
) -> int:
    """Prints to standard output; 1 when there is no journal or an argument makes no sense."""
    try:
        where: tzinfo = zone_named(load_site(site).timezone if site is not None else zone)
        first, last = period(start, end, where)
        shifts = Shifts.parse(shift, where)
        report = kpi(StateFolder(state).journal, first, last, shifts)
    except (ConfigError, FileNotFoundError, TransportError, ValueError) as reason:
        return refuse("kpi", reason, language)
    if as_json:
        print(json.dumps(document(report), ensure_ascii=False, indent=1))
        return 0
    for line in lines(report, language, where):
        print(line)
    return 0

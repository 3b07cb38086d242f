"""`estated meters`: what the meters of a site counted by day or month, from the history and the book of totals."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from daemon.assembly import assemble
from daemon.commands.refusal import refuse
from daemon.consumption.book import FILE, BookReader
from daemon.consumption.document import document
from daemon.consumption.meters import meters_of
from daemon.consumption.printing import lines
from daemon.consumption.report import By, build
from daemon.consumption.totals import Source
from daemon.historian.reading import trends
from daemon.state import StateFolder
from estate.errors import ConfigError, TransportError


def main_meters(
    site: Path, state: Path, by: str, start: str | None, end: str | None, language: str, as_json: bool
) -> int:
    """Prints to standard output. 1 for a faulty site, a day that is none, or records that cannot be read."""
    try:
        assembly = assemble(site)
        zone = ZoneInfo(assembly.site.timezone)
        now = datetime.now(UTC)
        today = now.astimezone(zone).date()
        last = date.fromisoformat(end) if end is not None else today
        first = date.fromisoformat(start) if start is not None else last - timedelta(days=6)
        if first > min(last, today):
            raise ValueError(f"the time ends ({last}) before it begins ({first}), or has not begun")
        history = StateFolder(state).history
        source = Source(trends(assembly.site, history), BookReader(history / FILE), zone)
        report = asyncio.run(build(source, meters_of(assembly), By(by), first, last, now))
    except (ConfigError, TransportError, ValueError) as reason:
        return refuse("meters", reason, language)
    if as_json:
        print(json.dumps(document(report), ensure_ascii=False, indent=1))
        return 0
    for line in lines(report, language):
        print(line)
    return 0

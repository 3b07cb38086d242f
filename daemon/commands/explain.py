"""`estated explain`: why an alarm came, or why not, from the journal and the history."""

import asyncio
import sys
from pathlib import Path

from daemon.assembly import assemble
from daemon.commands.moment import MomentError, moment, zone_named
from daemon.commands.refusal import refuse
from daemon.explain.explainer import Explainer, UnknownAlarm
from daemon.explain.sentences import Sentences
from daemon.historian.reading import recording
from daemon.state import StateFolder
from estate.errors import ConfigError, TransportError
from estate.wording import nearest
from rules.alarm import AlarmId


def main_explain(site: Path, state: Path, alarm: str, at: str | None, language: str) -> int:
    """Prints to standard output. 1 for an alarm that does not exist, a faulty site, or records that cannot be read."""
    try:
        assembly = assemble(site)
        zone = zone_named(assembly.site.timezone)
        folder = StateFolder(state)
        explainer = Explainer(assembly, recording(assembly.site, folder.history), folder.journal)
        when = moment(at, zone) if at is not None else None
        found = asyncio.run(explainer.explain(AlarmId(alarm), when))
    except UnknownAlarm as unknown:
        near = nearest(alarm, (str(one.alarm) for one in assembly.rules))
        meant = f"; did you mean {near}?" if near else ""
        print(f"estated explain: {unknown}{meant}", file=sys.stderr)
        return 1
    except (ConfigError, FileNotFoundError, MomentError, TransportError) as reason:
        return refuse("explain", reason, language)
    for line in Sentences(language, zone).lines(found):
        print(line)
    return 0

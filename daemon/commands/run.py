"""`estated run`: check the site, then watch it until SIGTERM."""

import asyncio
import gc
import logging
import signal
import sqlite3
import sys
import time
from pathlib import Path

from daemon.app import watch
from daemon.assembly import Assembly, assemble
from daemon.commands.refusal import refuse
from daemon.malloc import return_large_blocks
from daemon.state import StateFolder, StateInUse, state_folder
from estate.errors import ConfigError
from estate.printable import printable

LONGEST_LINE = 2048
"""Bytes of one line of the log, in UTF-8."""


class _OneLine(logging.Formatter):
    """One record, one line, times in UTC: no payload forges an entry, moves a terminal or fills a disk."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        head, *trace = text.split("\n") if record.exc_info else [text]
        return "\n".join([_line(head), *(f"    {_line(line)}" for line in trace)])


def _line(text: str) -> str:
    line = printable(text, LONGEST_LINE)
    coded = line.encode()
    return line if len(coded) <= LONGEST_LINE else coded[: LONGEST_LINE - 3].decode(errors="ignore") + "…"


def start_logging(level: str) -> None:
    """To stderr, where systemd's journal takes it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("mqtt").setLevel(logging.ERROR)


def main_run(site: Path, state: Path, level: str) -> int:
    start_logging(level)
    return_large_blocks()
    gc.disable()  # a large site makes a million objects here, and nearly all of them stay
    try:
        assembly = assemble(site, linted=False)
    except ConfigError as error:
        refuse("run", error)
        print(f"estated run: {len(error.faults)} fault(s) in {site}, not started", file=sys.stderr)
        return 1
    finally:
        gc.enable()
    gc.freeze()
    try:
        with state_folder(state) as folder:
            return asyncio.run(_until_signal(assembly, folder))
    except (StateInUse, OSError) as reason:
        print(f"estated run: {reason}", file=sys.stderr)
    except sqlite3.Error as reason:
        print(f"estated run: {state}: {reason}", file=sys.stderr)
    return 1


async def _until_signal(assembly: Assembly, folder: StateFolder) -> int:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, task.cancel)
    try:
        await watch(assembly, folder)
    except asyncio.CancelledError:
        logging.getLogger(__name__).info("stopped")
    return 0

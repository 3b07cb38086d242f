"""`estated run`: check the site, then watch it until SIGTERM."""

import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

from daemon.app import watch
from daemon.assembly import Assembly, assemble
from daemon.state import StateFolder, StateInUse, state_folder
from estate.errors import ConfigError


class _OneLine(logging.Formatter):
    """One record, one line, times in UTC: a payload cannot forge a log entry."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        head, *trace = text.split("\n") if record.exc_info else [text.replace("\n", "\\n").replace("\r", "\\r")]
        return "\n".join([head, *(f"    {line}" for line in trace)])


def start_logging(level: str) -> None:
    """To stderr, where systemd's journal takes it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # our own client says it once per loss
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("mqtt").setLevel(logging.ERROR)


def main_run(site: Path, state: Path, level: str) -> int:
    start_logging(level)
    try:
        assembly = assemble(site)
    except ConfigError as error:
        for fault in error.faults:
            print(fault.text(), file=sys.stderr)
        print(f"estated run: {len(error.faults)} fault(s) in {site}, not started", file=sys.stderr)
        return 1
    try:
        with state_folder(state) as folder:
            return asyncio.run(_until_signal(assembly, folder))
    except (StateInUse, PermissionError) as refusal:
        print(f"estated run: {refusal}", file=sys.stderr)
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

"""A whole estate for a test: broker, simulated devices in their own process, daemon, and an operator's browser."""

import asyncio
import contextlib
import json
import secrets
import shutil
import sqlite3
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from daemon.commands.user import set_password
from simulators.broker import RunningBroker, broker, free_port
from tests.running import ROOT, Desk, RunningDaemon

RIVERSIDE = ROOT / "examples" / "riverside"
OPERATOR = "li"
CHROMIUM = [
    "--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass
class Controls:
    """The fault interface of the simulators."""

    url: str
    token: str

    async def act(self, target: str, act: str, **more: Any) -> Any:
        return await self._ask("POST", "/act", {"target": target, "act": act, **more})

    async def fault(self, target: str, fault: str, **more: Any) -> Any:
        return await self._ask("POST", "/fault", {"target": target, "fault": fault, **more})

    async def heal(self, target: str, fault: str | None = None) -> Any:
        return await self._ask("DELETE", "/fault", {"target": target, **({"fault": fault} if fault else {})})

    async def state(self) -> Any:
        return await self._ask("GET", "/state", None)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        def ask() -> Any:
            data = None if body is None else json.dumps(body).encode()
            headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
            request = urllib.request.Request(self.url.rstrip("/") + path, data, headers, method=method)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or b"null")

        return await asyncio.to_thread(ask)


@dataclass
class Estate:
    broker: RunningBroker
    controls: Controls
    daemon: RunningDaemon
    site: Path
    password: str
    page: Page | None = None
    _desk: Desk | None = field(default=None, repr=False)

    @property
    def journal(self) -> Path:
        return self.daemon.state / "journal.db"

    def signed_in(self) -> Desk:
        """The operator's desk, signed in once: signing in takes a tenth of a second on purpose. Blocks."""
        if self._desk is None:
            self._desk = Desk(self.daemon.port, OPERATOR, self.password)
        return self._desk

    async def desk(self) -> Desk:
        return await asyncio.to_thread(self.signed_in)

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What the journal on disk says, read as an auditor would: from outside."""
        connection = sqlite3.connect(f"{self.journal.as_uri()}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    async def until(self, true: Callable[[], Any], what: str, within: float = 15.0) -> Any:
        """Wait for a condition; the bound is generous because the machine may be busy."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if found := await asyncio.to_thread(true):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {within} s: {what}\n{self.daemon.log.read_text()[-3000:]}")

    async def journaled(self, alarm: str, trigger: str = "raise", within: float = 15.0) -> sqlite3.Row:
        """The newest transition of this kind of an alarm."""
        query = "SELECT * FROM transition WHERE alarm = ? AND trigger = ? ORDER BY position DESC LIMIT 1"
        return (await self.until(lambda: self.rows(query, alarm, trigger), f"{alarm} {trigger}", within))[0]

    async def quieten(self) -> None:
        """Acknowledge all that stands, so that the next tone is the next alarm's."""
        desk = await self.desk()

        def acknowledge() -> bool:
            _, snapshot = desk.ask("GET", "/api/snapshot")
            open_ones = [one for one in snapshot["data"]["alarms"] if "unacknowledged" in one["state"]]
            for one in open_ones:
                desk.ask("POST", f"/api/alarms/{one['id']}/acknowledge", {"occurrence": one["occurrence"]})
            return not open_ones

        await self.until(acknowledge, "every alarm acknowledged")

    async def receipt(self, alarm: str, kind: str, within: float = 10.0) -> sqlite3.Row:
        """The console's word that it showed or sounded the alarm."""
        query = "SELECT * FROM receipt WHERE alarm = ? AND kind = ? ORDER BY position DESC LIMIT 1"
        return (await self.until(lambda: self.rows(query, alarm, kind), f"{alarm} {kind}", within))[0]


@contextlib.asynccontextmanager
async def estate(
    folder: Path,
    *,
    site: Path = RIVERSIDE,
    prepare: Callable[[Path], None] | None = None,
    browser: bool = True,
    seed: int = 1,
    speed: float = 1.0,
) -> AsyncIterator[Estate]:
    """Run everything until the block ends. `prepare` may change the copy of the site before it is played.

    `speed` is that of the simulated world; devices and daemon keep their real time.
    """
    copy = folder / "site"
    shutil.copytree(site, copy)
    if prepare is not None:
        prepare(copy)
    password = secrets.token_urlsafe(12)
    set_password(copy, OPERATOR, password)
    console = free_port()
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(broker(folder / "broker"))
        playing = simulators(copy, folder / "played", running, console, seed, speed)
        controls, played = await stack.enter_async_context(playing)
        daemon = RunningDaemon(played, folder / "state", console)
        await asyncio.to_thread(daemon.start)
        stack.push_async_callback(asyncio.to_thread, daemon.stop)
        whole = Estate(running, controls, daemon, played, password)
        if browser:
            whole.page = await stack.enter_async_context(operator_page(console, password))
        yield whole


@contextlib.asynccontextmanager
async def simulators(
    site: Path, into: Path, running: RunningBroker, console: int, seed: int = 1, speed: float = 1.0
) -> AsyncIterator[tuple[Controls, Path]]:
    """`estated simulate` as a child process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "simulate", str(site), "--into", str(into),
        "--broker", f"{running.host}:{running.port}", "--protocol", running.protocol,
        "--console-port", str(console), "--seed", str(seed), "--speed", str(speed),
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        ready = json.loads(line)
        yield Controls(ready["control"], ready["token"]), Path(ready["site"])
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(10):
            await process.wait()


@contextlib.asynccontextmanager
async def operator_page(port: int, password: str, operator: str = OPERATOR) -> AsyncIterator[Page]:
    """Debian's Chromium with the console open and the operator signed in."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = await chromium.new_page(
            viewport={"width": 1920, "height": 1080}, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.locator("input[name=name]").fill(operator)
        await page.locator("input[name=password]").fill(password)
        await page.keyboard.press("Enter")
        await page.get_by_test_id("sound-state").wait_for(timeout=20_000)
        yield page
        await chromium.close()


__all__ = ["Controls", "Desk", "Estate", "estate", "operator_page", "simulators"]

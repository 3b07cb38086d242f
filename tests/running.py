"""The daemon as a child process, as systemd would run it; for system tests and the bench."""

import http
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parent.parent


class RunningDaemon:
    """`estated run SITE --state STATE`; ready when it has told systemd so. Can be killed and started again."""

    def __init__(self, site: Path, state: Path, console_port: int) -> None:
        self.site = site
        self.state = state
        self.port = console_port
        self.log = state.parent / f"{state.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, patience: float = 30.0) -> Self:
        notify = self.state.parent / f"{self.state.name}.notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, self.log.open("ab") as log:
            systemd.bind(str(notify))
            systemd.settimeout(0.1)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daemon", "run", str(self.site), "--state", str(self.state)],
                stderr=log, cwd=ROOT, env={**os.environ, "NOTIFY_SOCKET": str(notify)},
            )  # fmt: skip
            end = time.monotonic() + patience
            while time.monotonic() < end:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the daemon ended with {self.process.returncode}:\n{self.log.read_text()}")
                try:
                    if b"READY=1" in systemd.recv(4096):
                        return self
                except TimeoutError:
                    continue
        self.kill()
        raise TimeoutError(f"the daemon was not ready in {patience} s:\n{self.log.read_text()}")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, as a power cut or the OOM killer would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self, within: float = 10.0) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(within)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            raise


class Desk:
    """A console without a browser: signs in, asks the API. Blocking; for tests that need no picture."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self._port = port
        self._cookie = ""
        status, _ = self.ask("POST", "/api/login", {"name": name, "password": password})
        assert status == 200, status

    @property
    def cookie(self) -> str:
        return self._cookie

    def command(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """A command to equipment, with its second step where it asks for one."""
        status, answer = self.ask("POST", path, body)
        if status == http.HTTPStatus.PRECONDITION_REQUIRED:
            return self.ask("POST", path, {**body, "confirm": answer["confirm"]})
        return status, answer

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        headers = {
            "content-type": "application/json",
            "x-estate-console": "test-desk",
            "origin": f"http://127.0.0.1:{self._port}",
            "sec-fetch-site": "same-origin",
        }
        if self._cookie:
            headers["cookie"] = self._cookie
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            if cookie := answer.getheader("set-cookie"):
                self._cookie = cookie.partition(";")[0]
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

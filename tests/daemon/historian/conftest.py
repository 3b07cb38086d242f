"""Real history servers on free loopback ports: InfluxDB 1.6 behind nginx, VictoriaMetrics, and a fake that fails."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.daemon.historian.fake_influx import FakeInflux

INFLUXD = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[logging]
  level = "error"
"""

# An InfluxDB 1.6 has no /api/v2/write: nginx gives it one, as a site with an old server would.
NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $arg_bucket $v1db {{ default "$arg_bucket"; "~^(?<d>[^/%]+)(/|%2F).*$" $d; }}
  map $arg_bucket $v1rp {{ default ""; "~^[^/%]+(/|%2F)(?<r>.+)$" $r; }}
  map $arg_precision $v1p {{ default ns; ns ns; us u; ms ms; s s; }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 64m;
    location = /api/v2/write {{
      proxy_set_header Authorization "";
      proxy_pass http://127.0.0.1:{influx}/write?db=$v1db&rp=$v1rp&precision=$v1p;
    }}
    location / {{ proxy_pass http://127.0.0.1:{influx}; }}
  }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Program:
    """A server as a child process; `alive` is a path that answers as soon as it works."""

    command: list[str]
    port: int
    alive: str
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = shutil.which(self.command[0]) or shutil.which(self.command[0], path="/usr/sbin:/usr/bin")
        assert program, f"install the Debian package that has {self.command[0]}"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program, *self.command[1:]], stdout=log, stderr=log)
        deadline = time.monotonic() + 15
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def get(self, path: str, **asked: str) -> bytes:
        with urlopen(f"{self.url}{path}?{urlencode(asked)}", timeout=5) as reply:
            body: bytes = reply.read()
            return body

    def _answers(self) -> bool:
        try:
            self.get(self.alive)
        except (URLError, ConnectionError, TimeoutError):
            return False
        return True


class Influx(Program):
    def database(self, name: str) -> str:
        """Make it new and empty."""
        for statement in (f'DROP DATABASE "{name}"', f'CREATE DATABASE "{name}"'):
            with urlopen(f"{self.url}/query", urlencode({"q": statement}).encode(), timeout=5) as reply:
                reply.read()
        return name

    def rows(self, database: str, question: str) -> list[dict[str, Any]]:
        """The rows of an InfluxQL answer, times in ns."""
        result = json.loads(self.get("/query", db=database, q=question, epoch="ns"))["results"][0]
        series = result.get("series", [])
        return [dict(zip(s["columns"], values, strict=True)) for s in series for values in s["values"]]


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    folder = tmp_path_factory.mktemp("influxd")
    http = free_port()
    config = folder / "influxd.conf"
    config.write_text(INFLUXD.format(folder=folder, rpc=free_port(), http=http))
    server = Influx(["influxd", "-config", str(config)], http, "/ping", folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nginx(influxd: Influx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, influx=influxd.port))
    server = Program(["nginx", "-p", str(folder), "-c", str(config)], port, "/ping", folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("victoria")
    port = free_port()
    command = ["victoria-metrics", f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}"]
    server = Program([*command, "-loggerLevel=ERROR", "-memory.allowedBytes=64MB"], port, "/health", folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def fake() -> AsyncIterator[FakeInflux]:
    async with FakeInflux() as server:
        yield server

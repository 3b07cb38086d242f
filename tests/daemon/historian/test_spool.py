"""The spool keeps what it committed, in order, within its bounds."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.historian.spool import DeadLetter, Spool

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Open = Callable[..., Spool]


@pytest.fixture
def reopen(tmp_path: Path) -> Open:
    def open_spool(max_rows: int = 1_000_000, max_bytes: int = 1 << 30) -> Spool:
        return Spool(tmp_path / "spool.db", max_rows=max_rows, max_bytes=max_bytes)

    return open_spool


def lines(count: int, first: int = 0) -> list[str]:
    return [f"line {i:06}" for i in range(first, first + count)]


def held(spool: Spool) -> list[str]:
    return [row.line for row in spool.read(1_000_000)]


def test_what_was_appended_is_read_oldest_first_also_by_the_next_process(reopen: Open) -> None:
    spool = reopen()
    spool.append(lines(300))
    spool.append(lines(300, first=300))
    spool.close()
    again = reopen()
    assert held(again) == lines(600)
    assert (again.rows, again.bytes, again.newest) == (spool.rows, spool.bytes, spool.newest)
    again.close()


def test_settled_lines_are_gone_and_the_refused_are_kept_with_the_servers_text(reopen: Open) -> None:
    spool = reopen()
    spool.append(lines(10))
    batch = spool.read(4)
    spool.settle(batch[0].id, batch[-1].id, [DeadLetter(batch[2].line, "HTTP 400: conflict")], NOW)
    assert held(spool) == lines(6, first=4)
    assert spool.dead_letters() == [DeadLetter("line 000002", "HTTP 400: conflict")]
    assert (spool.rows, spool.dead) == (6, 1)
    spool.close()


def test_ids_are_never_used_twice_so_live_lines_stay_behind_the_backlog(reopen: Open) -> None:
    spool = reopen()
    spool.append(lines(5))
    spool.settle(1, 5, [], NOW)
    spool.close()
    spool = reopen()
    spool.append(lines(1))
    assert spool.read(1)[0].id == 6
    assert spool.newest == 6
    spool.close()


@pytest.mark.parametrize("bound", [{"max_rows": 1000}, {"max_bytes": 23_000}])
def test_a_full_spool_drops_the_oldest_and_counts_every_one(reopen: Open, bound: dict[str, int]) -> None:
    spool = reopen(**bound)
    for first in range(0, 5000, 100):
        spool.append(lines(100, first))
        assert spool.fullness <= 1
    kept = held(spool)
    assert kept == lines(len(kept), first=5000 - len(kept))
    assert spool.dropped == 5000 - len(kept)
    assert 900 <= len(kept) <= 1000
    assert spool.rows == len(kept)
    assert spool.bytes == sum(len(line) + 12 for line in kept)
    spool.close()


def test_the_file_shrinks_after_a_backlog_was_delivered(reopen: Open, tmp_path: Path) -> None:
    spool = reopen()
    spool.append([f"{i} {'x' * 400}" for i in range(20_000)])
    spool.close()
    full = (tmp_path / "spool.db").stat().st_size
    spool = reopen()
    while batch := spool.read(1000):
        spool.settle(batch[0].id, batch[-1].id, [], NOW)
    spool.close()
    assert spool.bytes == 0
    assert (tmp_path / "spool.db").stat().st_size < full * 0.6


def test_a_killed_process_loses_nothing_it_had_committed(reopen: Open, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from daemon.historian.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]), max_rows=10**6, max_bytes=1 << 30)\n"
        "for first in range(0, 10**6, 50):\n"
        "    spool.append([f'line {i:06}' for i in range(first, first + 50)]); print(first + 50, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "spool.db")], stdout=subprocess.PIPE)
    assert child.stdout
    with child.stdout:
        committed = [int(child.stdout.readline()) for _ in range(40)][-1]
        child.send_signal(signal.SIGKILL)
        child.wait()
    spool = reopen()
    kept = held(spool)
    assert len(kept) >= committed
    assert kept == lines(len(kept))
    spool.close()

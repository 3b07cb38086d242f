"""The commands as an engineer types them: exit codes, and sentences that say what to do."""

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.running import ROOT

RIVERSIDE = ROOT / "examples" / "riverside"


def estated(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daemon", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RIVERSIDE, tmp_path / "site"))


def test_the_example_site_is_without_fault() -> None:
    done = estated("check", str(RIVERSIDE))
    assert (done.returncode, done.stderr) == (0, "")


def test_check_names_file_and_line_of_a_mistake_and_exits_with_one(site: Path) -> None:
    text = (site / "site.yaml").read_text("utf-8")
    (site / "site.yaml").write_text(text.replace("timezone: Asia/Shanghai", "timezone: Asia/Shangri-La"), "utf-8")
    done = estated("check", str(site))
    assert done.returncode == 1
    assert "site.yaml:4: " in done.stdout + done.stderr


def test_run_refuses_a_site_with_a_mistake_and_says_where(site: Path, tmp_path: Path) -> None:
    (site / "equipment.yaml").write_text("- {id: lost\n", "utf-8")
    done = estated("run", str(site), "--state", str(tmp_path / "state"))
    assert done.returncode == 1
    assert "equipment.yaml:" in done.stderr
    assert not (tmp_path / "state" / "journal.db").exists()


def test_a_second_daemon_on_the_same_state_is_refused(site: Path, tmp_path: Path) -> None:
    import fcntl

    state = tmp_path / "state"
    state.mkdir()
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = estated("run", str(site), "--state", str(state))
    assert done.returncode == 1
    assert "another estated runs on this state" in done.stderr


def test_run_says_in_one_line_why_the_state_is_of_no_use(site: Path, tmp_path: Path) -> None:
    """A file in the place of the folder, and a journal of a newer release: no traceback, the place is named."""
    shutil.rmtree(site / "secrets", ignore_errors=True)
    (tmp_path / "file").write_text("")
    newer = tmp_path / "newer"
    newer.mkdir()
    with closing(sqlite3.connect(newer / "journal.db")) as journal:
        journal.execute("PRAGMA user_version = 99")
    for state, word in ((tmp_path / "file", "exists"), (newer, "install the newer release")):
        done = estated("run", str(site), "--state", str(state), "--log", "warning")
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("estated run: ")
        assert str(state) in line
        assert word in line


@pytest.mark.parametrize(
    "command",
    [
        ["kpi", "--from", "2026-03-01", "--to", "2026-03-02"],
        ["explain", "SITE", "sump-1.high_level"],
        ["replay", "SITE", "--from", "2026-03-01", "--to", "2026-03-02"],
    ],
)
def test_a_damaged_journal_is_named_with_its_cure(command: list[str], tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "journal.db").write_bytes(b"a disk that has failed" * 1000)
    done = estated(*(str(RIVERSIDE) if word == "SITE" else word for word in command), "--state", str(state))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert str(state / "journal.db") in line
    assert "estated restore" in line


def test_scan_takes_units_and_nothing_else() -> None:
    for units in ("x", "5-2", "1-300", "-3"):
        done = estated("scan", "--tcp", "127.0.0.1:1", f"--units={units}")
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].endswith("write 1-247, or one number")


def test_who_reads_only_the_first_lines_gets_no_traceback() -> None:
    check = subprocess.Popen(
        [sys.executable, "-m", "daemon", "check", str(RIVERSIDE)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert check.stdout is not None
    assert check.stderr is not None
    check.stdout.close()
    said = check.stderr.read()
    check.stderr.close()
    check.wait(60)
    assert said == ""


def test_simulate_refuses_a_site_with_a_mistake(site: Path, tmp_path: Path) -> None:
    (site / "devices.yaml").write_text("- {id: x}\n", "utf-8")
    done = estated("simulate", str(site), "--into", str(tmp_path / "into"))
    assert done.returncode == 1
    assert "devices.yaml:1" in done.stderr


def test_user_sets_a_password_and_keeps_only_its_hash(site: Path) -> None:
    password = "a long enough word"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "daemon", "user", str(site), "li"])
    said = b""
    for _ in range(2):
        while not said.rstrip().endswith(b":"):
            said += os.read(terminal, 1024)
        os.write(terminal, password.encode() + b"\n")
        said = b""
    try:
        while chunk := os.read(terminal, 1024):
            said += chunk
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, said
    text = (site / "people.yaml").read_text("utf-8")
    assert password not in text
    assert text.count("scrypt$") == 1
    assert estated("check", str(site)).returncode == 0


def test_user_names_those_there_are_when_asked_for_another(site: Path) -> None:
    done = estated("user", str(site), "nobody")
    assert done.returncode == 1
    assert "li" in done.stderr


def test_simulate_says_in_one_line_of_json_where_everything_is(site: Path, tmp_path: Path) -> None:
    command = ["simulate", str(site), "--into", str(tmp_path / "into"), "--broker", "127.0.0.1:9"]
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", *command],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"control", "token", "site", "buses"}
        assert estated("check", ready["site"]).returncode == 0
    finally:
        process.terminate()
        assert process.wait(5) == 0
        assert process.stdout is not None
        process.stdout.close()

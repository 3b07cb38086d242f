"""Files of the site written by root, and the daemon that has to read them."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.assembly import check
from daemon.commands.user import set_password
from estate.command_keys import KEY_FILE, read_command_keys, write_command_keys
from estate.rewriting import rewrite

SERVICE = 65534
"""A user and a group that are not root's: what `estated` is on an edge box."""
PEOPLE = "# who\r\n- {id: li, name: 李娜, role: operator, password: null}  # the night shift\r\n"
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")


@pytest.fixture
def site() -> Iterator[Path]:
    """A folder whose way is open to everybody, as /etc is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o750)
        (folder / "people.yaml").write_bytes(PEOPLE.encode())
        yield folder


def rights(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid


def readable(path: Path) -> bool:
    """For the service, which is nobody else than itself."""
    return (
        subprocess.run(["/bin/cat", path], user=SERVICE, group=SERVICE, extra_groups=(), capture_output=True).returncode
        == 0
    )


WRITERS: dict[str, Callable[[Path], object]] = {
    "people.yaml": lambda site: set_password(site, "li", "correct horse battery"),
    KEY_FILE: lambda site: write_command_keys(site, ["zone-01", "zone-02"]),
}


@needs_root
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("mode", "owner", "group"), [(0o640, 0, SERVICE), (0o600, SERVICE, SERVICE), (0o400, SERVICE, 0)]
)
def test_a_file_keeps_its_owner_its_group_and_its_mode(
    site: Path, name: str, mode: int, owner: int, group: int
) -> None:
    os.chown(site, 0, SERVICE)
    (site / KEY_FILE).write_text('zone-01: "' + "ab" * 32 + '"\n')
    os.chown(site / name, owner, group)
    (site / name).chmod(mode)
    assert readable(site / name)
    WRITERS[name](site)
    assert rights(site / name) == (mode, owner, group)
    assert readable(site / name)


@needs_root
def test_keys_that_root_makes_on_an_edge_box_can_be_read_by_the_daemon_and_by_no_other(site: Path) -> None:
    os.chown(site, 0, SERVICE)
    write_command_keys(site, ["zone-01"])
    assert rights(site / KEY_FILE) == (0o640, 0, SERVICE)
    assert readable(site / KEY_FILE)
    assert read_command_keys(site)[1] == []
    (site / KEY_FILE).chmod(0o644)
    assert [one.en for one in read_command_keys(site)[1]] == [
        "command-keys.yaml can be read by others. Run chmod 600 on it."
    ]


@needs_root
def test_keys_in_a_folder_of_the_daemon_belong_to_it(site: Path) -> None:
    os.chown(site, SERVICE, SERVICE)
    write_command_keys(site, ["zone-01"])
    assert rights(site / KEY_FILE) == (0o600, SERVICE, SERVICE)


def test_a_file_that_gets_a_hash_is_closed_to_everybody_else(site: Path) -> None:
    (site / "people.yaml").chmod(0o644)
    set_password(site, "li", "correct horse battery")
    assert rights(site / "people.yaml")[0] == 0o640


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660])
def test_a_mode_stays_and_every_other_character_does(site: Path, mode: int) -> None:
    (site / "people.yaml").chmod(mode)
    set_password(site, "li", "correct horse battery")
    text = (site / "people.yaml").read_bytes().decode()
    before, hashed, after = text.partition('"')[0], text.split('"')[1], text.rpartition('"')[2]
    assert before + "null" + after == PEOPLE
    assert hashed.startswith("scrypt$")
    assert rights(site / "people.yaml")[0] == mode


def test_new_keys_are_for_the_owner_only_where_nobody_else_has_to_read_them(site: Path) -> None:
    write_command_keys(site, ["zone-01"])
    assert rights(site / KEY_FILE) == (0o600, os.geteuid(), site.stat().st_gid)


def test_the_keys_that_were_there_stay(site: Path) -> None:
    write_command_keys(site, ["zone-01"])
    before = dict(read_command_keys(site)[0])
    assert write_command_keys(site, ["zone-01", "zone-02"]) == ["zone-02"]
    assert read_command_keys(site)[0]["zone-01"] == before["zone-01"]


def test_what_cannot_be_written_leaves_the_old_file_and_no_other(site: Path) -> None:
    blocked = site / "folder"
    blocked.mkdir()
    (blocked / "inside").write_text("x")
    with pytest.raises(OSError, match="directory"):
        rewrite(blocked, "text")
    assert sorted(one.name for one in site.iterdir()) == ["folder", "people.yaml"]


def test_a_link_stays_a_link(site: Path) -> None:
    (site / "real.yaml").write_text("old")
    (site / "link.yaml").symlink_to("real.yaml")
    rewrite(site / "link.yaml", "new")
    assert (site / "link.yaml").is_symlink()
    assert (site / "real.yaml").read_text() == "new"


def test_a_password_of_the_broker_that_everybody_can_read_is_a_fault(site: Path) -> None:
    text = {
        "site.yaml": "id: oak\nname: {zh: 橡, en: Oak}\ntimezone: UTC\n"
        "mqtt:\n  host: broker.lan\n  username: estate\n  password_file: broker.password\n",
        "devices.yaml": "- {id: door-1, profile: estate-door}\n",
        "equipment.yaml": "- {id: d-1, class: door, number: '1', name: {zh: 门, en: Door}, place: {zh: 楼, en: Hall},"
        " device: door-1}\n",
        "broker.password": "secret\n",
    }
    for name, content in text.items():
        (site / name).write_text(content)
    for mode, faults in ((0o640, []), (0o600, []), (0o644, ["broker.password is a secret"])):
        (site / "broker.password").chmod(mode)
        assert [one.en.partition(",")[0] for one in check(site)] == faults, oct(mode)

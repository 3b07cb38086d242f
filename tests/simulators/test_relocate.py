"""A site that leads to the simulation: only the addresses differ."""

import difflib
from pathlib import Path

import pytest

from estate.site import load_site
from simulators.mqtt_link import BrokerAt
from simulators.relocate import edit, relocate

SITE = Path(__file__).parent / "site"


def test_only_the_addresses_change_and_the_copy_is_a_valid_site(tmp_path: Path) -> None:
    buses = {"pumps": "127.0.0.1:5001", "riser": "127.0.0.1:5002", "cellar": "/dev/pts/9"}
    broker = BrokerAt("127.0.0.1", 1884, "demo", "secret of this run", "3.1.1")
    copy = relocate(SITE, tmp_path / "copy", buses=buses, broker=broker, console_port=9001, history_url="http://h:1")
    site = load_site(copy)
    assert {bus.id: bus.tcp or bus.serial for bus in site.buses} == buses
    assert site.buses[1].framing == "rtu"
    assert site.mqtt is not None
    assert site.mqtt.password_file is not None
    assert (site.mqtt.host, site.mqtt.port, site.mqtt.username, site.mqtt.protocol, site.mqtt.ca_file) == (
        "127.0.0.1",
        1884,
        "demo",
        "3.1.1",
        None,
    )
    password = copy / site.mqtt.password_file
    assert password.read_text() == "secret of this run\n"
    assert password.stat().st_mode & 0o077 == 0
    assert site.console.port == 9001
    assert site.history is not None
    assert site.history.url == "http://h:1"
    for path in SITE.rglob("*"):
        if path.is_file() and path.name != "site.yaml":
            assert (copy / path.relative_to(SITE)).read_bytes() == path.read_bytes()
    before, after = ((folder / "site.yaml").read_text().splitlines() for folder in (SITE, copy))
    gone = [line for line in difflib.ndiff(before, after) if line.startswith("- ")]
    assert len(gone) == 9, gone
    assert "# one PLC" in (copy / "site.yaml").read_text()


def test_a_broker_without_a_password_leaves_none_behind(tmp_path: Path) -> None:
    site = load_site(relocate(SITE, tmp_path / "copy", buses={}, broker=BrokerAt("127.0.0.1", 1884)))
    assert site.mqtt is not None
    assert (site.mqtt.username, site.mqtt.password_file) == (None, None)


def test_played_panels_are_heard_from_this_machine(tmp_path: Path) -> None:
    original = tmp_path / "original"
    relocate(SITE, original, buses={})
    outline = original / "site.yaml"
    outline.write_text(outline.read_text("utf-8") + "dc09: {port: 12128}\n", "utf-8")
    rows = original / "devices.yaml"
    written = rows.read_text("utf-8") if rows.exists() else ""
    panels = '- {id: p-1, profile: contact-id-panel, account: "12AB", address: 10.0.3.7}  # flat 1\n'
    rows.write_text(written + panels + "- id: p-2\n  profile: contact-id-panel\n  account: 12AC\n  address: 10.0.3.8\n")
    site = load_site(relocate(original, tmp_path / "copy", buses={}, receiver=("127.0.0.1", 5000)))
    assert [device.account for device in site.devices if device.account] == ["12AB", "12AC"]
    assert {device.address for device in site.devices} == {None}
    assert "# flat 1" in (tmp_path / "copy" / "devices.yaml").read_text("utf-8")
    (original / "devices.yaml").unlink()
    (original / "devices.csv").write_text("id,profile,address,account\np-1,contact-id-panel,10.0.3.7,12AB\n")
    (original / "equipment.yaml").unlink(missing_ok=True)
    relocate(original, tmp_path / "again", buses={}, receiver=("127.0.0.1", 5000))
    assert (tmp_path / "again" / "devices.csv").read_text() == "id,profile,account\np-1,contact-id-panel,12AB\n"


@pytest.mark.parametrize(
    ("text", "path", "value", "after"),
    [
        ("a: 1\nb:\n  c: 2  # why\n", ("b", "c"), 3, "a: 1\nb:\n  c: 3  # why\n"),
        ("b: {c: 2, d: 4}\n", ("b", "d"), "x", 'b: {c: 2, d: "x"}\n'),
        ("b: {c: 2, d: 4}\n", ("b", "c"), None, "b: {d: 4}\n"),
        ("b: {c: 2, d: 4}\n", ("b", "d"), None, "b: {c: 2}\n"),
        ("b:\n  c: 2\n  d: 4\n", ("b", "c"), None, "b:\n  d: 4\n"),
        ("b:\n  c: 2\n", ("b", "d"), 4, "b:\n  d: 4\n  c: 2\n"),
        ("b: {c: 2}\n", ("b", "d"), 4, "b: {d: 4, c: 2}\n"),
        ("a: 1\n", ("b", "c"), 2, "a: 1\nb:\n  c: 2\n"),
        ("a: 1\n", ("b", "c"), None, "a: 1\n"),
    ],
)
def test_one_value_is_changed_added_or_taken_out(
    text: str, path: tuple[str | int, ...], value: object, after: str
) -> None:
    assert edit(text, {path: value}) == after

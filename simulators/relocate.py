"""A copy of a site folder whose buses, broker, console and history are the simulation's; the rest byte for byte."""

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from simulators.mqtt_link import BrokerAt

PASSWORD_FILE = "simulation-broker.password"  # noqa: S105 - a file name


def relocate(
    site: Path,
    into: Path,
    *,
    buses: Mapping[str, str],
    broker: BrokerAt | None = None,
    console_port: int | None = None,
    history_url: str | None = None,
    receiver: tuple[str, int] = ("", 0),
) -> Path:
    """Copy `site` to `into` with new addresses; returns `into`.

    `buses` maps a bus id to `host:port` or a pty's path. Only these lines of site.yaml change, and in devices.yaml and
    devices.csv the `address` of panels: played ones call from this machine.
    """
    shutil.copytree(site, into, dirs_exist_ok=True)
    changes: dict[tuple[str | int, ...], Any] = {}
    text = (into / "site.yaml").read_text("utf-8")
    outline = yaml.safe_load(text)
    for index, bus in enumerate(outline.get("buses", ())):
        address = buses.get(bus["id"])
        if address is not None:
            changes["buses", index, "serial" if "serial" in bus else "tcp"] = address
    if broker is not None and outline.get("mqtt") is not None:
        changes |= _broker_changes(broker, into)
    if console_port is not None:
        changes["console", "port"] = console_port
    if outline.get("dc09") is not None and receiver[0]:
        changes["dc09", "host"], changes["dc09", "port"] = receiver
        _forget_addresses(into)
    if history_url is not None and outline.get("history") is not None:
        changes["history", "url"] = history_url
    (into / "site.yaml").write_text(edit(text, changes), "utf-8")
    return into


def _forget_addresses(site: Path) -> None:
    path = site / "devices.yaml"
    if path.is_file() and "address:" in (text := path.read_text("utf-8")):
        rows = enumerate(yaml.safe_load(text) or ())
        path.write_text(edit(text, {(row, "address"): None for row, device in rows if "address" in device}), "utf-8")
    path = site / "devices.csv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            head, *rest = csv.reader(file)
        if "address" in head:
            column = head.index("address")
            with path.open("w", encoding="utf-8", newline="") as file:
                rows_written = ([*row[:column], *row[column + 1 :]] for row in (head, *rest))
                csv.writer(file, lineterminator="\n").writerows(rows_written)


def _broker_changes(broker: BrokerAt, into: Path) -> dict[tuple[str | int, ...], Any]:
    changes: dict[tuple[str | int, ...], Any] = {
        ("mqtt", "host"): broker.host,
        ("mqtt", "port"): broker.port,
        ("mqtt", "protocol"): broker.protocol,
        ("mqtt", "ca_file"): broker.ca_file,
        ("mqtt", "username"): broker.username,
        ("mqtt", "password_file"): None,
    }
    if broker.password is not None:
        path = into / PASSWORD_FILE
        path.touch(mode=0o600)
        path.write_text(broker.password + "\n", "utf-8")
        changes["mqtt", "password_file"] = PASSWORD_FILE
    return changes


def edit(text: str, changes: Mapping[tuple[str | int, ...], Any]) -> str:
    """The YAML text with single values replaced, added to block mappings, or (None) taken out."""
    for path, value in changes.items():
        text = _edit_one(text, path, value)
    return text


def _edit_one(text: str, path: tuple[str | int, ...], value: Any) -> str:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    *parents, key = path
    for step in parents:
        inner = _entry(node, step)
        if inner is None:
            return text if value is None else f"{text.rstrip()}\n{step}:\n  {key}: {json.dumps(value)}\n"
        node = inner[1]
    found = _entry(node, key)
    if found is None:
        return text if value is None else _insert(text, node, f"{key}: {json.dumps(value)}")
    if value is None:
        return _remove(text, node, *found)
    return text[: found[1].start_mark.index] + json.dumps(value) + text[_end_of(found[1]) :]


def _entry(node: Any, step: str | int) -> tuple[Any, Any] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    return None


def _end_of(node: Any) -> int:
    return int(node.end_mark.index)


def _insert(text: str, node: Any, line: str) -> str:
    """As the first entry: there the indentation and the separator are known."""
    first = node.value[0][0].start_mark
    separator = ", " if node.flow_style else "\n" + " " * first.column
    return text[: first.index] + line + separator + text[first.index :]


def _remove(text: str, node: Any, key: Any, value: Any) -> str:
    start, end = key.start_mark.index, _end_of(value)
    if node.flow_style:
        rest = text[end:].lstrip(" ")
        return text[:start] + rest[1:].lstrip(" ") if rest.startswith(",") else text[:start].rstrip(" ,") + text[end:]
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    return text[:line_start] + (text[line_end + 1 :] if line_end >= 0 else "")

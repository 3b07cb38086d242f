"""The console's own files, read once into memory: what is not in the package cannot be asked for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    type: str
    tag: str


def console_files() -> Mapping[str, Asset]:
    """Path below `/` -> file; `/` itself is index.html."""
    root = resources.files("daemon.web") / "console"
    found: dict[str, Asset] = {}
    _collect(root, "", found)
    found[""] = found["index.html"]
    return found


def _collect(folder: Traversable, prefix: str, found: dict[str, Asset]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
            continue
        kind = TYPES.get("." + entry.name.rpartition(".")[2])
        if kind is not None and entry.name != "jsconfig.json":
            body = entry.read_bytes()
            found[prefix + entry.name] = Asset(body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"')

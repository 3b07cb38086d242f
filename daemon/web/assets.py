"""The console's own files, read once into memory: what is not in the package cannot be asked for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

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
    """`tag` changes with the content."""

    body: bytes
    type: str
    tag: str


def asset(body: bytes, kind: str) -> Asset:
    return Asset(body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def answer(request: Request, found: Asset, headers: Mapping[str, str]) -> Response:
    """The file, or only the word that the browser's copy is still the same."""
    told = {"etag": found.tag, **headers}
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=told)
    return Response(found.body, media_type=found.type, headers=told)


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
            found[prefix + entry.name] = asset(entry.read_bytes(), kind)

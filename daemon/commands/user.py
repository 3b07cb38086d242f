"""`estated user`: set a password. people.yaml keeps only its hash."""

import getpass
import sys
from pathlib import Path

import yaml

from daemon.web.password import hash_password
from estate.errors import ConfigError
from estate.site import load_site

SHORTEST = 12


def set_password(site: Path, user: str, password: str) -> None:
    """Write the hash into people.yaml, leaving every other character as it is. Raises KeyError for an unknown user."""
    people = site / "people.yaml"
    text = people.read_text("utf-8")
    value = _password_node(yaml.compose(text, yaml.SafeLoader), user)
    fresh = people.with_suffix(".yaml.new")
    hashed = f'"{hash_password(password)}"'
    fresh.write_text(text[: value.start_mark.index] + hashed + text[value.end_mark.index :], "utf-8")
    fresh.chmod(0o640)
    fresh.replace(people)


def _password_node(document: yaml.Node | None, user: str) -> yaml.Node:
    for row in document.value if isinstance(document, yaml.SequenceNode) else ():
        identity = _child(row, "id")
        if identity is not None and identity.value == user:
            password = _child(row, "password")
            if password is None:
                raise KeyError(f"{user} has no `password:` key in people.yaml; add `password: null`")
            return password
    raise KeyError(f"no user {user} in people.yaml")


def _child(node: yaml.Node, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def main_user(site: Path, user: str) -> int:
    try:
        known = [one.id for one in load_site(site).users]
    except ConfigError as error:
        for fault in error.faults:
            print(fault.text(), file=sys.stderr)
        return 1
    if user not in known:
        print(f"estated user: no user {user!r} in people.yaml; there are: {', '.join(known)}", file=sys.stderr)
        return 1
    password = getpass.getpass(f"New password for {user} (at least {SHORTEST} characters): ")
    if len(password) < SHORTEST:
        print(f"estated user: at least {SHORTEST} characters", file=sys.stderr)
        return 1
    if password != getpass.getpass("Once more: "):
        print("estated user: the two differ", file=sys.stderr)
        return 1
    try:
        set_password(site, user, password)
    except KeyError as missing:
        print(f"estated user: {missing.args[0]}", file=sys.stderr)
        return 1
    print(f"password of {user} set; restart estated to use it")
    return 0

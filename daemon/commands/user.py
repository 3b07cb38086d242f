"""`estated user`: set a password. people.yaml keeps only its hash."""

import getpass
import stat
import sys
from pathlib import Path

import yaml

from daemon.commands.refusal import refuse
from daemon.web.password import hash_password
from estate.errors import ConfigError
from estate.rewriting import rewrite
from estate.site import load_site

SHORTEST = 12


def set_password(site: Path, user: str, password: str) -> None:
    """Write the hash into people.yaml, leaving every other character, its owner and its group as they are.

    From now on it holds a secret: who is neither may not read it any more.

    Raises KeyError for an unknown user, OSError when the file cannot be written.
    """
    people = site / "people.yaml"
    text = people.read_bytes().decode()
    value = _password_node(yaml.compose(text, yaml.SafeLoader), user)
    hashed = f'"{hash_password(password)}"'
    people.chmod(people.stat().st_mode & ~stat.S_IRWXO)
    rewrite(people, text[: value.start_mark.index] + hashed + text[value.end_mark.index :])


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


def _asked(prompt: str) -> str:
    """From the terminal without echo, or a line of what is piped in. Raises EOFError when there is neither."""
    if sys.stdin is None:
        raise EOFError
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


def main_user(site: Path, user: str) -> int:
    try:
        known = [one.id for one in load_site(site).users]
    except ConfigError as error:
        return refuse("user", error)
    if user not in known:
        print(f"estated user: no user {user!r} in people.yaml; there are: {', '.join(known)}", file=sys.stderr)
        return 1
    try:
        password = _asked(f"New password for {user} (at least {SHORTEST} characters): ")
        again = _asked("Once more: ") if len(password) >= SHORTEST else ""
    except EOFError:
        print("estated user: no terminal, and not two lines with the password on standard input", file=sys.stderr)
        return 1
    if len(password) < SHORTEST:
        print(f"estated user: at least {SHORTEST} characters", file=sys.stderr)
        return 1
    if password != again:
        print("estated user: the two differ", file=sys.stderr)
        return 1
    try:
        set_password(site, user, password)
    except KeyError as missing:
        print(f"estated user: {missing.args[0]}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"estated user: people.yaml was left as it is: {error}", file=sys.stderr)
        return 1
    print(f"password of {user} set; restart estated to use it")
    return 0

"""A file of the site written anew: whole or not at all, and still readable for whoever could read it."""

import os
import stat
from pathlib import Path
from secrets import token_hex

OWNER_ONLY, WITH_GROUP = 0o600, 0o640


def rewrite(path: Path, text: str) -> None:
    """Takes the place of `path` (or of what it links to) at once and lastingly. Raises OSError; then all is as it was.

    Owner, group and mode stay as they are. A new file gets the owner and group of its folder; where these are root
    and a group other than root's, as on an edge box, the group may read it: that is how the daemon does.
    """
    path = Path(os.path.realpath(path))
    mode, owner, group = _rights(path)
    beside = path.with_name(f".{path.name}.{token_hex(4)}.new")
    fresh = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OWNER_ONLY)
    try:
        with os.fdopen(fresh, "wb") as file:
            file.write(text.encode())
            file.flush()
            made = os.fstat(file.fileno())
            if (made.st_uid, made.st_gid) != (owner, group):
                os.fchown(file.fileno(), owner, group)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_open(path: Path) -> bool:
    """Whether more than its owner, and the group that root gave it to, can read or change a secret."""
    facts = path.stat()
    lent = facts.st_uid == 0 and facts.st_gid != 0
    return bool(facts.st_mode & (stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP | (0 if lent else stat.S_IRGRP)))


def _rights(path: Path) -> tuple[int, int, int]:
    try:
        old = path.stat()
    except FileNotFoundError:
        folder = path.parent.stat()
        lent = folder.st_uid == 0 and folder.st_gid != 0
        return WITH_GROUP if lent else OWNER_ONLY, folder.st_uid, folder.st_gid
    return stat.S_IMODE(old.st_mode), old.st_uid, old.st_gid

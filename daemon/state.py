"""The state directory: one daemon at a time, and the files it keeps there."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class StateInUse(Exception):
    """Another daemon already works on this directory."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Where the journal and the history live, each in a file of its own."""

    path: Path

    @property
    def journal(self) -> Path:
        return self.path / "journal.db"

    @property
    def history(self) -> Path:
        return self.path / "history"

    def adopt(self, one: Path) -> None:
        """Give what root made in here to the folder's own owner and group, for the daemon to use. Else nothing."""
        wanted, has = self.path.stat(), one.lstat()
        if os.geteuid() == 0 and (has.st_uid, has.st_gid) != (wanted.st_uid, wanted.st_gid):
            os.chown(one, wanted.st_uid, wanted.st_gid, follow_symlinks=False)


@contextlib.contextmanager
def state_folder(path: Path) -> Iterator[StateFolder]:
    """Hold the directory for this process. Raises StateInUse when another one has it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateInUse(
                f"{path}: another estated runs on this state; stop it or give --state another folder"
            ) from None
        with contextlib.suppress(OSError):  # a full disk: the lock holds without the number
            lock.write(f"{os.getpid()}\n")
            lock.flush()
        folder = StateFolder(path)
        folder.history.mkdir(exist_ok=True)
        for one in (path / "lock", folder.history):
            folder.adopt(one)
        yield folder

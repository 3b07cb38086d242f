"""Room on the disk that is kept for the journal and given up when the disk is full."""

import contextlib
import os
from pathlib import Path

SIZE = 32 * 1024 * 1024  # bytes: some 40,000 alarms with their events


class Ballast:
    """A file without content. Deleting rows would not do: SQLite needs room even for that."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path = path
        self._size = size

    @property
    def is_held(self) -> bool:
        return self._path.exists()

    def lay(self) -> bool:
        """Take the room; False when the disk does not have it three times over."""
        if self.is_held:
            return True
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < 3 * self._size:
            return False
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError:
            self.give_up()
            return False
        return True

    def give_up(self) -> bool:
        """Whether there was any room to give."""
        held = self.is_held
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        return held and not self.is_held

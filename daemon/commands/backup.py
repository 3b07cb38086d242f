"""`estated backup` makes one beside a running daemon; `estated restore` lists them, or puts one back."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from daemon.backups import back_up, backups, restore
from daemon.commands.refusal import refuse
from daemon.state import StateFolder, StateInUse, state_folder


def main_backup(state: Path, site: Path | None) -> int:
    """Prints where it is. 1 when there is no journal, no room or no right."""
    folder = StateFolder(state)
    try:
        if not folder.journal.exists():
            raise FileNotFoundError(str(folder.journal))
        print(back_up(folder, site, datetime.now(UTC)))
    except (OSError, sqlite3.Error) as reason:
        return refuse("backup", reason)
    return 0


def main_restore(state: Path, name: str | None) -> int:
    """Without a name it lists what there is, the oldest first. The daemon has to be stopped to put one back."""
    if name is None:
        for one in backups(StateFolder(state)):
            size = sum(file.stat().st_size for file in one.rglob("*") if file.is_file())
            print(f"{one.name}  {size / 2**20:.1f} MiB")
        return 0
    try:
        with state_folder(state) as folder:
            found = [one for one in backups(folder) if one.name == name]
            if not found:
                raise ValueError(f"there is no backup {name}; without a name they are listed")
            for aside in restore(folder, found[0], datetime.now(UTC)):
                print(f"kept: {aside}")
    except (StateInUse, OSError, ValueError, sqlite3.Error) as reason:
        return refuse("restore", reason)
    print(f"restored: {name}" + (f"; the site as it was: {found[0] / 'site'}" if (found[0] / "site").is_dir() else ""))
    return 0

"""`estated keys SITE`: a key for every MQTT device that takes commands and has none, in command-keys.yaml (0600)."""

import sys
from pathlib import Path

from daemon.catalogue import read_catalogue
from daemon.commands.refusal import refuse
from estate.command_keys import KEY_FILE, write_command_keys
from estate.errors import ConfigError
from estate.site import read_site


def main_keys(folder: Path) -> int:
    """Prints what was made. The same key goes into the device or its adapter; never over the broker."""
    try:
        site = read_site(folder)
    except ConfigError as error:
        return refuse("keys", error)
    profiles = read_catalogue(folder, (row.value.profile for row in site.devices), ()).profiles
    wanted = [
        one.id
        for one in site.devices.values
        if one.commands and one.profile in profiles and profiles[one.profile].mqtt is not None
    ]
    try:
        new = write_command_keys(folder, wanted)
    except ConfigError as error:
        return refuse("keys", error)
    except OSError as error:
        print(f"estated keys: {KEY_FILE} was left as it is: {error}", file=sys.stderr)
        return 1
    print(f"{folder / KEY_FILE}: {len(new)} new key(s) of {len(wanted)}: {', '.join(new) or '-'}")
    return 0

"""The keys that sign commands over MQTT: command-keys.yaml in the site folder, for its owner and the daemon only."""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from re import fullmatch

from estate.document import read_yaml
from estate.errors import ConfigError, Fault
from estate.rewriting import is_open, rewrite
from estate.wording import fault

KEY_FILE = "command-keys.yaml"
KEY_BYTES = 32


def read_command_keys(folder: Path) -> tuple[Mapping[str, bytes], list[Fault]]:
    """Key by device id, and what is wrong with the file: open to others, or a key that is none. No file: no keys."""
    path = folder / KEY_FILE
    if not path.exists():
        return {}, []
    if is_open(path):
        return {}, [fault("keys_open", str(path), 1, name=KEY_FILE)]
    document = read_yaml(path)
    faults = list(document.faults)
    if not isinstance(document.data, dict):
        return {}, faults or [fault("keys_form", str(path), 1)]
    keys = {}
    for device, key in document.data.items():
        if isinstance(key, str) and fullmatch(r"[0-9a-f]{64}", key):
            keys[device] = bytes.fromhex(key)
        else:
            faults.append(document.fault("key_bad", (device,), id=device))  # never with what stands there
    return keys, faults


def write_command_keys(folder: Path, devices: Iterable[str]) -> list[str]:
    """Makes a key for each of these devices that has none; returns their ids.

    Raises ConfigError for a faulty file, OSError for one that cannot be written.
    """
    keys, faults = read_command_keys(folder)
    if faults:
        raise ConfigError(faults)
    new = [device for device in devices if device not in keys]
    if new:
        lines = {device: key.hex() for device, key in keys.items()} | {
            device: secrets.token_hex(KEY_BYTES) for device in new
        }
        rewrite(folder / KEY_FILE, "".join(f'{device}: "{key}"\n' for device, key in lines.items()))
    return new

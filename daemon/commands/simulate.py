"""`estated simulate SITE`: every device of it on loopback ports; of a faulty site what `check` says of it."""

import argparse
import socket
import sys
from pathlib import Path

from daemon.catalogue import read_catalogue
from daemon.commands.refusal import refuse
from estate.errors import ConfigError
from estate.folder import SiteFolder
from estate.site import in_order, read_site
from estate.wording import catalogue, nearest
from simulators.play import main_play

PATIENCE = 2.0
"""s that a broker has to take a connection."""


def main_simulate(given: argparse.Namespace) -> int:
    """1 for a site whose rows or profiles have faults: those are told on standard error, as `check` tells them.

    What equipment and rules want is not looked at: a device can be played before its alarms are written.
    """
    try:
        site = read_site(given.site)
        _judge(site, given.site)
    except ConfigError as error:
        return refuse("simulate", error)
    host, _, port = given.broker.rpartition(":")
    if site.outline is not None and site.outline.mqtt is not None and not _answers(host, port):
        print(catalogue()["simulate_no_broker"]["en"].format(broker=given.broker), file=sys.stderr)
    return main_play(given)


def _judge(site: SiteFolder, folder: Path) -> None:
    models = read_catalogue(folder, (row.value.profile for row in site.devices), ())
    faults = [*site.faults, *models.faults]
    for row in site.devices:
        name = row.value.profile
        if name not in models.profile_ids:
            faults.append(row.fault("unknown_profile", "profile", near=nearest(name, models.profile_ids), id=name))
    if faults:
        raise ConfigError(in_order(faults))


def _answers(host: str, port: str) -> bool:
    try:
        with socket.create_connection((host, int(port)), PATIENCE):
            return True
    except (OSError, ValueError):
        return False

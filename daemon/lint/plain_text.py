"""What of a site travels where others could read it."""

from collections.abc import Iterator

from estate.errors import Fault
from estate.folder import SiteFolder
from estate.outline import is_loopback


def plain_text(site: SiteFolder) -> Iterator[Fault]:
    """A broker on another machine without TLS: its password, plates and card references pass in the clear."""
    broker = site.outline.mqtt if site.outline is not None else None
    if broker is not None and broker.ca_file is None and not is_loopback(broker.host):
        yield site.site_file.fault("mqtt_plain", ("mqtt", "host"), host=broker.host)

"""Where a site's recorded samples are read, beside the historian that writes them."""

from pathlib import Path

from daemon.historian.embedded import EmbeddedHistory
from daemon.historian.historian import Site
from daemon.historian.influx import InfluxServer
from daemon.historian.recorded import Recording
from daemon.historian.trend import History

REQUEST_DEADLINE = 60.0  # s for one stretch: nobody waits at a console for a whole month


def recording(site: Site, directory: Path, deadline: float = REQUEST_DEADLINE) -> Recording:
    """`directory` is that of the embedded file, for a site without a server. `deadline` in s."""
    if site.history is not None:
        return InfluxServer(site.history, site.id, site.folder, deadline)
    return EmbeddedHistory(directory / "history.db")


def trends(site: Site, directory: Path, deadline: float = REQUEST_DEADLINE) -> History:
    """The same store, asked for trends."""
    if site.history is not None:
        return InfluxServer(site.history, site.id, site.folder, deadline)
    return EmbeddedHistory(directory / "history.db")

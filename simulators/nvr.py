"""A recorder: disks, channels, gaps, and its line to a higher platform."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number, word
from simulators.plant import Plant


class Recorder(Plant):
    kind = "nvr"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "disk_error": "a disk fails",
        "disk_full": "full, and it does not overwrite",
        "gap": "a hole in a channel's recordings; channel (1), from, to",
        "retention_short": "a channel is not kept long enough; days (12)",
        "channels_full": "no spare channels",
        "platform_lost": "the higher platform is not reached",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "record": "a recording is finished; channel (1), from, to",
        "export": "a clip is exported; channel (1), from, to, by",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.points.update(
            disk="ok",
            overwrite=True,
            channels=16,
            used=8,
            gaps=0,
            retention_least=34.0,
            platform="connected",
            supply="ok",
        )

    def begin(self, fault: str, details: Details) -> None:
        match fault:
            case "disk_error":
                self.points["disk"] = "error"
                self.happen("disk.error")
            case "disk_full":
                self.points.update(disk="full", overwrite=False)
            case "gap":
                self.points["gaps"] = 1
                self.happen("recording.gap", gaps=1, **_piece(details))
            case "retention_short":
                self.points["retention_least"] = number(details, "days", 12.0)
            case "channels_full":
                self.points["used"] = 15
            case "platform_lost":
                self.points["platform"] = "offline"
                self.happen("platform.lost")

    def end(self, fault: str) -> None:
        match fault:
            case "disk_error":
                self.points["disk"] = "ok"
                self.happen("disk.restore")
            case "disk_full":
                self.points.update(disk="ok", overwrite=True)
            case "gap":
                self.points["gaps"] = 0
                self.happen("recording.gap_clear")
            case "retention_short":
                self.points["retention_least"] = 34.0
            case "channels_full":
                self.points["used"] = 8
            case "platform_lost":
                self.points["platform"] = "connected"
                self.happen("platform.back")

    def perform(self, act: str, details: Details) -> None:
        if act == "record":
            self.happen("recording.stopped", **_piece(details))
        else:
            self.happen("export.done", by=word(details, "by", "-"), **_piece(details))


def _piece(details: Details) -> dict[str, str]:
    """Which channel, and from when to when (ISO 8601)."""
    return {name: word(details, name, default) for name, default in (("channel", "1"), ("from", ""), ("to", ""))}

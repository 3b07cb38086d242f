"""A camera and what can happen to its picture, and its channel on the recorder."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number, word
from simulators.plant import Plant


class Camera(Plant):
    """`retention` and `recording_age` are what the recorder says of its channel."""

    kind = "camera"
    chatter: ClassVar[tuple[str, str] | None] = ("motion.started", "motion.ended")
    faults_offered: ClassVar[Mapping[str, str]] = {
        "no_stream": "the main stream cannot be had; state (timeout)",
        "sub_stream_lost": "the sub stream cannot be had",
        "signal_loss": "loss of picture",
        "blind": "lens covered",
        "moved": "turned away",
        "dark": "too dark to see",
        "freeze": "the same picture again and again",
        "clock_wrong": "its clock is off; offset s (90)",
        "not_recorded": "its channel is not recorded; age s (1200)",
        "retention_short": "its recordings are not kept long enough; days (12)",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"motion": "something moves for 5 s"}

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.points.update(
            stream="ok",
            sub_stream="ok",
            signal_loss=False,
            motion=False,
            scene="ok",
            frozen=False,
            clock_offset=0.0,
            infrared=True,
            retention=float(random.randrange(33, 45)),
            recording_age=5.0,
        )

    def begin(self, fault: str, details: Details) -> None:
        match fault:
            case "no_stream":
                self.points.update(stream=word(details, "state", "timeout"), sub_stream="timeout")
                self._streams()
            case "sub_stream_lost":
                self.points["sub_stream"] = "timeout"
                self._streams()
            case "signal_loss":
                self.points["signal_loss"] = True
                self.happen("video.loss")
            case "blind" | "moved" | "dark":
                self._look(fault)
            case "freeze":
                self.points["frozen"] = True
                self.happen("freeze.started")
            case "clock_wrong":
                self.points["clock_offset"] = number(details, "offset", 90.0)
            case "not_recorded":
                self.points["recording_age"] = number(details, "age", 1200.0)
            case "retention_short":
                self.points["retention"] = number(details, "days", 12.0)

    def end(self, fault: str) -> None:
        match fault:
            case "no_stream" | "sub_stream_lost":
                self.points.update(stream="ok", sub_stream="ok")
                self._streams()
            case "signal_loss":
                self.points["signal_loss"] = False
                self.happen("video.restore")
            case "blind" | "moved" | "dark":
                self._look("ok")
            case "freeze":
                self.points["frozen"] = False
                self.happen("freeze.ended")
            case "clock_wrong":
                self.points["clock_offset"] = 0.0
            case "not_recorded":
                self.points["recording_age"] = 5.0
            case "retention_short":
                self.points["retention"] = 35.0

    def perform(self, act: str, details: Details) -> None:
        self.points["motion"] = True
        self.happen("motion.started")
        self.later(5.0, self._still)

    def _still(self) -> None:
        self.points["motion"] = False
        self.happen("motion.ended")

    def _look(self, scene: str) -> None:
        self.points["scene"] = scene
        self.happen("scene.changed", scene=scene)

    def _streams(self) -> None:
        self.happen("stream.changed", rtsp=self.points["stream"], rtsp_sub=self.points["sub_stream"])

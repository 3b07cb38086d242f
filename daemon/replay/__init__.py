"""Recorded history through other rules: how many alarms last month would have had."""

from daemon.replay.compare import Comparison, compare
from daemon.replay.course import Course, Outcome
from daemon.replay.parallel import Outcomes, Task, replay
from daemon.replay.play import Played, recorded_outcome

__all__ = ["Comparison", "Course", "Outcome", "Outcomes", "Played", "Task", "compare", "recorded_outcome", "replay"]

"""The history of every point: never in the way of an alarm, nothing lost while the server is away."""

from daemon.historian.health import Health, HistoryState
from daemon.historian.historian import HEALTH_POINT, Historian, Limits
from daemon.historian.sender import Pauses
from daemon.historian.trend import Bucket, History, TrendQuery

__all__ = ["HEALTH_POINT", "Bucket", "Health", "Historian", "History", "HistoryState", "Limits", "Pauses", "TrendQuery"]

"""What meters counted: by day and month, balanced, in money, from the history; and kept when the history is gone."""

from daemon.consumption.keeper import MeterKeeper
from daemon.consumption.report import By, Report, build

__all__ = ["By", "MeterKeeper", "Report", "build"]

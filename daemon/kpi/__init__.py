"""How well the alarms serve the operators: the figures of ISA-18.2 and EEMUA 191, from the journal."""

from daemon.kpi.figures import Figures
from daemon.kpi.report import Report, kpi
from daemon.kpi.shift import Shifts

__all__ = ["Figures", "Report", "Shifts", "kpi"]

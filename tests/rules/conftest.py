"""Says at the end how much was tried, so that a number of steps that is claimed is one that was counted."""

import pytest

from tests.rules import steps


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if steps.taken:
        terminalreporter.write_line(f"engine against model: {steps.taken:,} steps")

"""Every failure known from the field has an alarm that finds it and a story that raises it, or a reason why not."""

import pytest

from daemon.stories.playing import play
from daemon.stories.stock import stock_tales
from tests.field_failures import ELSEWHERE, LABELS, PAGE, findings, page

WANTED = 70
"""Of the failures, so many at least have to be found by a stock alarm."""


@pytest.fixture(scope="module")
def raised() -> set[str]:
    return {alarm for tale in stock_tales() for alarm in play(tale.row, tale.scene).raised}


def test_at_least_seventy_of_the_failures_raise_a_stock_alarm_in_a_story(raised: set[str]) -> None:
    found = {label for label, rows in findings().items() if any(alarm in raised for _, alarm, _ in rows)}
    assert len(found) >= WANTED, sorted(set(LABELS) - found)
    assert len(LABELS) == 84


def test_every_alarm_that_names_a_failure_is_raised_by_a_story(raised: set[str]) -> None:
    assert {alarm for rows in findings().values() for _, alarm, _ in rows} - raised == set()


def test_each_failure_stands_on_the_page_once_as_found_or_as_no_alarm() -> None:
    found = set(findings())
    assert found | set(ELSEWHERE) == set(LABELS)
    assert found & set(ELSEWHERE) == set()


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tests.field_failures"

"""The tests of one file share one running estate: they go in the order of the file, whatever order the files have."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An alarm that one test raised still stands in the next; a shuffled day is not one that an estate can have."""
    places = [place for place, item in enumerate(items) if item.path.parent == HERE]
    files = list(dict.fromkeys(items[place].path for place in places))
    ordered = sorted(
        (items[place] for place in places),
        key=lambda item: (files.index(item.path), item.reportinfo()[1] or 0, _of_parameters(item)),
    )
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


def _of_parameters(item: pytest.Item) -> list[int]:
    """Where a parametrised test stands among its like."""
    return list(item.callspec.indices.values()) if hasattr(item, "callspec") else []

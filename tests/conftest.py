"""The test suite's common ground; what it does is in the plugins."""

from django.conf import settings


def pytest_configure() -> None:
    """Claims go through review without a draw; the tests of the draw set its share themselves."""
    settings.REVIEW_SAMPLE_PERMILLE = 0


pytest_plugins = [
    "plugins.database",
    "plugins.city_sql",
    "plugins.lawbook",
    "plugins.mission",
    "plugins.nightly",
    "browser",
    "world",
    "visit",
]

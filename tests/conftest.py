"""The test suite's common ground; what it does is in the plugins."""

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

"""A pooled process (the web server) gets connections that hold the role of the running system."""

from __future__ import annotations

import subprocess
import sys

from zhaoliang.kernel.db.config import APP_ROLE

ASK = """
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_user")
    print(cursor.fetchone()[0])
connection.close_pool()
"""


def test_a_pooled_connection_holds_the_app_role(database_url: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK],
        env={
            "DJANGO_SETTINGS_MODULE": "zhaoliang.settings",
            "DATABASE_URL": database_url,
            "ZHAOLIANG_DB_POOL": "1",
            "PYTHONPATH": ":".join(sys.path),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.stdout.strip() == APP_ROLE, asked.stderr

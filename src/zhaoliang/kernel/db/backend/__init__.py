"""Django's PostgreSQL backend, writing city keys: `ENGINE = "zhaoliang.kernel.db.backend"`."""

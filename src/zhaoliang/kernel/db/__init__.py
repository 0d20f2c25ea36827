"""Everything the platform asks of PostgreSQL: city keys, grants, SQL files, and the embedded server."""

"""Schema migrations of the durable database (Alembic)."""

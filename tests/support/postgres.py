"""Statements to the tests' PostgreSQL server."""

import sqlalchemy as sa


def administer(url: sa.URL, *statements: str) -> None:
    """Run statements outside a transaction, as CREATE DATABASE and ALTER SYSTEM want it."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        for statement in statements:
            conn.execute(sa.text(statement))
    engine.dispose()

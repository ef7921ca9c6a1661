"""Alembic's entry: it runs on the connection handed over by `runtime.migrations.run`."""

from alembic import context

from runtime.db import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()

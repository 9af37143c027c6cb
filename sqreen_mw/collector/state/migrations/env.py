"""Run Alembic migrations on the given connection in one transaction."""

from alembic import context

from sqreen_mw.collector.state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

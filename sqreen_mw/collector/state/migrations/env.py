"""What Alembic runs for each upgrade: on the connection that it is given, in one transaction."""

from alembic import context

from sqreen_mw.collector.state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

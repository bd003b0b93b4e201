"""Where Alembic begins: on the connection, and in the transaction, that `responder.store.migrate` holds."""

from alembic import context

from responder.store.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()

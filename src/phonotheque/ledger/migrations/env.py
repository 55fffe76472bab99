"""Runs migrations on the connection that ledger.connect hands over."""

from alembic import context

from phonotheque.ledger.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
    if connection.dialect.name == "postgresql":
        from phonotheque.ledger.postgresql import compare_by_bytes

        compare_by_bytes(connection)  # whatever columns a migration has brought

"""What alembic runs: the migrations, on the connection that the program opened."""

from alembic import context

from esim_graph.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
)
context.run_migrations()

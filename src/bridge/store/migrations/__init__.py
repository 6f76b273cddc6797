"""How the tables came to be what `schema` says: one module a step, applied in order by Alembic."""

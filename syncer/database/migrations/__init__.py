"""Alembic revisions, shipped in the wheel: `syncer db upgrade` and `syncer init` run them."""

"""The durable table of the platforms: credentials, sealed. Columns called ``sealed*`` hold ciphertext."""

from __future__ import annotations

import sqlalchemy as sa

from runtime.db import Utc, metadata

credentials = sa.Table(
    "platform_credentials",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sealed_keys", sa.Text, nullable=False),
    sa.Column("sealed_tokens", sa.Text),
    sa.Column("refresh_at", Utc),  # from when on a new access token should be fetched
    sa.Column("expires_at", Utc),
    sa.Column("ends_at", Utc),  # when the refresh token dies; then a person must authorise anew
    sa.Column("problem", sa.Text, nullable=False, server_default=""),
    sa.Column("changed_at", Utc, nullable=False),
)
"""One row an authorisation; ``problem`` is why its tokens cannot be refreshed any more, in words."""

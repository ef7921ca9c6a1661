"""Images: requests, versions, calls, files, cards, library."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Money, Utc

revision = "0007_creative"
down_revision = "0006_pay_uploads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``creative/tables.py``."""
    _asked()
    _made()
    _shown()


def downgrade() -> None:
    """Drop them."""
    for name in (
        "art_checks", "art_assets", "art_cards", "art_files", "art_variants", "art_calls", "art_logos",
        "art_versions", "art_requests",
    ):  # fmt: skip
        op.drop_table(name)


def _asked() -> None:
    op.create_table(
        "art_requests",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("turn", sa.Integer, nullable=False, server_default="0"),
        sa.Column("seen", sa.Text, nullable=False, server_default=""),
        sa.Column("title", sa.Text, nullable=False, server_default=""),
        sa.Column("requester", sa.Text),
        sa.Column("designer", sa.Text),
        sa.Column("owners", Json, nullable=False),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("chosen", sa.Integer),
        sa.Column("decided_by", sa.Text),
        sa.Column("wiki", sa.Text, nullable=False, server_default=""),
        sa.Column("shown", sa.Text, nullable=False, server_default=""),
        sa.Column("changed_at", Utc, nullable=False),
    )
    op.create_table(
        "art_versions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("brief", Json, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("grounds", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", Utc, nullable=False),
        sa.Column("photos", Json),
        sa.Column("wording", Json, nullable=False),
        sa.Column("done_at", Utc),
    )
    op.create_table(
        "art_logos",
        sa.Column("file_token", sa.Text, primary_key=True),
        sa.Column("blob", sa.Text, nullable=False),
    )


def _made() -> None:
    op.create_table(
        "art_calls",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version_id", sa.Text, nullable=False, index=True),
        sa.Column("variant", sa.Integer, nullable=False),
        sa.Column("orientation", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("requester", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False, server_default=""),
        sa.Column("model", sa.Text, nullable=False, server_default=""),
        sa.Column("prompt", sa.Text, nullable=False, server_default=""),
        sa.Column("digest", sa.Text, nullable=False, server_default=""),
        sa.Column("seed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("cost", Money),
        sa.Column("blob", sa.Text),
        sa.Column("request_no", sa.Text, nullable=False, server_default=""),
        sa.Column("usage", Json),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("sent_at", Utc, index=True),
        sa.Column("done_at", Utc),
    )
    op.create_table(
        "art_variants",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version_id", sa.Text, nullable=False, index=True),
        sa.Column("variant", sa.Integer, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("preview", sa.Text),
        sa.Column("image_key", sa.Text, nullable=False, server_default=""),
        sa.Column("faults", Json, nullable=False),
        sa.Column("notes", Json, nullable=False),
        sa.Column("done_at", Utc, nullable=False),
    )
    op.create_table(
        "art_files",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version_id", sa.Text, nullable=False, index=True),
        sa.Column("variant", sa.Integer, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("blob", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("label", sa.Text, nullable=False, server_default=""),
        sa.Column("dhash", sa.Text, nullable=False, server_default=""),
        sa.Column("inputs", Json, nullable=False),
        sa.Column("file_token", sa.Text),
        sa.Column("verified", sa.Text, nullable=False, server_default=""),
    )


def _shown() -> None:
    op.create_table(
        "art_cards",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, index=True),
        sa.Column("chat_id", sa.Text),
        sa.Column("shown_turn", sa.Integer, nullable=False, server_default="-1"),
        sa.Column("at", Utc, nullable=False),
    )
    op.create_table(
        "art_assets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False, index=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("brand", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False, server_default=""),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("dhash", sa.Text, nullable=False),
        sa.Column("text_digest", sa.Text, nullable=False),
        sa.Column("image_key", sa.Text, nullable=False, server_default=""),
        sa.Column("wiki", sa.Text, nullable=False, server_default=""),
        sa.Column("at", Utc, nullable=False),
    )
    op.create_table(
        "art_checks",
        sa.Column("table", sa.Text, primary_key=True),
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("good", Json),
    )

"""The durable tables of images."""

import sqlalchemy as sa

from runtime.db import Json, Money, Utc, metadata

requests = sa.Table(
    "art_requests",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the row's record id
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
"""One row a line of 素材需求. ``seen`` is the digest of what was last looked at; ``turn`` grows with every
decision, so that an old card decides nothing; ``shown`` is what we last wrote into 状态, so that a cell that
is empty because we did not write yet is not taken for one that a person emptied."""

versions = sa.Table(
    "art_versions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # <request>:<version>
    sa.Column("request_id", sa.Text, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("brief", Json, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("grounds", sa.Text, nullable=False),  # the version whose backgrounds it uses
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", Utc, nullable=False),
    sa.Column("photos", Json),  # null until they were fetched and looked at
    sa.Column("wording", Json, nullable=False),
    sa.Column("done_at", Utc),
)
"""One row a version; what it froze never changes."""

logos = sa.Table(
    "art_logos",
    metadata,
    sa.Column("file_token", sa.Text, primary_key=True),
    sa.Column("blob", sa.Text, nullable=False),
)
"""Logos that were fetched, by their token in the base."""

calls = sa.Table(
    "art_calls",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # <version id>:<variant>:<orientation>
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
    sa.Column("cost", Money),  # reserved when sent, the real one when stored; stays when unknown
    sa.Column("blob", sa.Text),
    sa.Column("request_no", sa.Text, nullable=False, server_default=""),
    sa.Column("usage", Json),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("sent_at", Utc, index=True),
    sa.Column("done_at", Utc),
)
"""One row a background to be generated. ``sent`` is committed before the request leaves."""

variants = sa.Table(
    "art_variants",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # <version id>:<variant>
    sa.Column("version_id", sa.Text, nullable=False, index=True),
    sa.Column("variant", sa.Integer, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("preview", sa.Text),  # blob of the small picture for cards; null = nothing could be delivered
    sa.Column("image_key", sa.Text, nullable=False, server_default=""),  # the preview's key for cards
    sa.Column("faults", Json, nullable=False),
    sa.Column("notes", Json, nullable=False),
    sa.Column("done_at", Utc, nullable=False),
)
"""One row a variant whose files are all in the base; what was left out and why stands in ``faults``."""

files = sa.Table(
    "art_files",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # <version id>:<variant>:<format key, psd or svg>
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
    sa.Column("verified", sa.Text, nullable=False, server_default=""),  # what was read back after the upload
)
"""One row a composed file, with the hashes of everything it was made of."""

cards = sa.Table(
    "art_cards",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the notice: <version id>:<receiver>
    sa.Column("request_id", sa.Text, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, index=True),
    sa.Column("chat_id", sa.Text),
    sa.Column("shown_turn", sa.Integer, nullable=False, server_default="-1"),
    sa.Column("at", Utc, nullable=False),
)
"""One row a card that somebody was or is being sent."""

assets = sa.Table(
    "art_assets",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # <request>-v<version>-<variant>-<format>
    sa.Column("request_id", sa.Text, nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),  # everything that can be searched, lower case
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
"""What was archived, for the search card and for telling near-duplicates."""

checks = sa.Table(
    "art_checks",
    metadata,
    sa.Column("table", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("good", Json),  # the last good version; null = there never was one
)
"""What 校验结果 of a brand, layout or word says, and what is in force."""

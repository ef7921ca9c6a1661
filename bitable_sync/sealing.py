"""Rows of private tables in our own databases: sealed under one key, and tied to the row they belong to.

A row has no key of its own (unlike a payslip): the mirror can be thrown away and pulled again, so nothing in
it needs rotation or recall, and thousands of rows must open quickly. AES-256-GCM with a random nonce; the
place (table, record id) is authenticated, so a row cannot be passed off as another. Source: NIST SP 800-38D.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bitable_sync.spec import TableSpec
from runtime.errors import ConfigError
from runtime.vault import NONCE_BYTES, CannotOpen

if TYPE_CHECKING:
    from runtime.vault import Vault

PURPOSE = "mirror"  # what the key is derived for
MARK = "~1."  # how a sealed row begins; JSON of a row begins with a brace


class PrivateTable(ConfigError):  # noqa: N818 - a sentence for who runs the server
    """A private table cannot be kept here because no key is set."""


class RowSeal:
    """Seals and opens rows of private tables; without a vault it refuses. Safe to share between threads.

    Args:
        vault: gives the key; None where no key is set.
    """

    def __init__(self, vault: Vault | None) -> None:
        self._key = None if vault is None else vault.derive(PURPOSE)
        self._cipher = None if self._key is None else AESGCM(self._key)

    def may(self, spec: TableSpec) -> bool:
        """Whether rows of this table may be read and written here."""
        return self._cipher is not None or not spec.private

    def require(self, spec: TableSpec) -> None:
        """Refuse a private table without a key.

        Raises:
            PrivateTable: says which variable to set; other tables are not concerned.
        """
        if not self.may(spec):
            raise PrivateTable(
                f"The table {spec.name} is private: without CHORUS_PAY_KEYS its rows are neither read nor "
                "written. Make a key with `chorus payroll new-key`, set it and start again; all other tables "
                "go on."
            )

    def close(self, spec: TableSpec, record_id: str, text: str) -> str:
        """The form in which a row is stored: as it is, or sealed if the table is private.

        Raises:
            PrivateTable: there is no key.
        """
        if not spec.private:
            return text
        self.require(spec)
        assert self._cipher is not None  # noqa: S101 - `require` has looked
        nonce = secrets.token_bytes(NONCE_BYTES)
        body = self._cipher.encrypt(nonce, text.encode(), _place(spec.key, record_id))
        return MARK + base64.b64encode(nonce + body).decode()

    def open(self, spec: TableSpec, record_id: str, stored: str) -> str:
        """Give back what `close` stored for this very row.

        Raises:
            PrivateTable: there is no key.
            CannotOpen: sealed with another key, moved or damaged; the table must be pulled again.
        """
        if not spec.private:
            return stored
        self.require(spec)
        assert self._cipher is not None  # noqa: S101 - `require` has looked
        try:
            sealed = base64.b64decode(stored.removeprefix(MARK), validate=True)
            return self._cipher.decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(spec.key, record_id)
            ).decode()
        except (InvalidTag, ValueError):
            raise CannotOpen(
                f"A row of {spec.name} in the mirror was sealed with another key or changed. Put the old key "
                "back, last in CHORUS_PAY_KEYS; if it is lost, delete the mirror: it is pulled anew."
            ) from None

    def digest(self, spec: TableSpec, value: Any) -> Any:
        """What may stand for cell values in an idempotency key: of a private table only a keyed digest."""
        if not spec.private:
            return value
        self.require(spec)
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=repr)
        return hmac.new(self._key or b"", text.encode(), hashlib.sha256).hexdigest()


def _place(table: str, record_id: str) -> bytes:
    return json.dumps([table, record_id], ensure_ascii=False, separators=(",", ":")).encode()

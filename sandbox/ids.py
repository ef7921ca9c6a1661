"""Ids in the shapes the platform uses; the same seed gives the same ids in the same order."""

import random
import secrets
import string
import threading

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


class Ids:
    """A seeded factory of platform ids (prefixes: Feishu docs, "how to obtain ids")."""

    def __init__(self, seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - ids of a make-believe company, repeatable on purpose

    def reseed(self, seed: int) -> None:
        """Start the sequence again from ``seed``."""
        with self._lock:
            self._random.seed(seed)

    def text(self, length: int, alphabet: str = ALNUM) -> str:
        """Return ``length`` characters of ``alphabet``."""
        with self._lock:
            return "".join(self._random.choices(alphabet, k=length))

    def hex(self, length: int = 32) -> str:
        """Return ``length`` lower-case hexadecimal digits."""
        return self.text(length, HEX)

    def open_id(self) -> str:
        """Id of a person for one app."""
        return "ou_" + self.hex()

    def union_id(self) -> str:
        """Id of a person for one developer."""
        return "on_" + self.hex()

    def user_id(self) -> str:
        """Id of a person in the tenant."""
        return self.hex(8)

    def chat(self) -> str:
        """Id of a chat."""
        return "oc_" + self.hex()

    def message(self) -> str:
        """Id of a message."""
        return "om_" + self.hex()

    def department(self) -> str:
        """Open id of a department."""
        return "od-" + self.hex()

    def event(self) -> str:
        """Id of an event."""
        return self.hex()

    def app_token(self) -> str:
        """Token of a Bitable base."""
        return "bascn" + self.text(22)

    def table(self) -> str:
        """Id of a Bitable table."""
        return "tbl" + self.text(13)

    def field(self) -> str:
        """Id of a Bitable field."""
        return "fld" + self.text(7)

    def record(self) -> str:
        """Id of a Bitable record."""
        return "rec" + self.text(11)

    def view(self) -> str:
        """Id of a Bitable view."""
        return "vew" + self.text(7)

    def option(self) -> str:
        """Id of an option of a select field."""
        return "opt" + self.text(7)

    def role(self) -> str:
        """Id of a Bitable role."""
        return "rol" + self.text(7)

    def file_token(self) -> str:
        """Token of an uploaded Drive file."""
        return "box" + self.text(24)

    def document(self) -> str:
        """Id of a document."""
        return "doxcn" + self.text(22)

    def block(self) -> str:
        """Id of a block of a document."""
        return "doxcn" + self.text(22)

    def node(self) -> str:
        """Token of a page of the wiki."""
        return "wikcn" + self.text(22)

    def image_key(self) -> str:
        """Key of an uploaded message image."""
        return "img_v3_" + self.hex(36)

    def file_key(self) -> str:
        """Key of an uploaded message file."""
        return "file_v3_" + self.hex(36)

    def card_token(self) -> str:
        """Token of one card interaction."""
        return "c-" + self.hex(40)

    def tenant_token(self) -> str:
        """A tenant access token; never repeated, because tokens outlive a reset."""
        return "t-g1" + secrets.token_hex(19)

    def user_token(self) -> str:
        """A user access token; never repeated."""
        return "u-" + secrets.token_hex(20)

    def uuid(self) -> str:
        """A code in the shape of an upper-case UUID (approval definitions and instances)."""
        raw = self.hex(32).upper()
        return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"

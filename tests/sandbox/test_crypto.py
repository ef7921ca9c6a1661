"""The sandbox seals and signs exactly like the published vectors."""

import json

from lark_oapi.core.utils.decryptor import AESCipher

from sandbox import crypto

KEY = "test key"
CHALLENGE = {"challenge": "c-123", "token": "vtok", "type": "url_verification"}
SEALED = (
    "AAECAwQFBgcICQoLDA0ODxT/dH7HGaZSqzJLo9upOhvowBNFoYsOHrAH+TLGZ5Wb"
    "azIYsmhw5PqMsmHEQiUVIXkFRdDoLiJrXYgqZS+DfG8="
)


def test_the_published_challenge_is_sealed_byte_for_byte() -> None:
    """With the vector's start block the sealed body equals the published one."""
    raw = crypto.seal(CHALLENGE, KEY, iv=bytes(range(16)))
    assert raw == b'{"encrypt":"' + SEALED.encode() + b'"}'


def test_the_published_signature_is_reproduced() -> None:
    """The signature over the sealed vector equals the published one."""
    raw = json.dumps({"encrypt": SEALED}, separators=(",", ":")).encode()
    expected = "71c57dba53fdc2d31604e43046e93516e5bf2932d64badd089e9d1063dd03e4a"
    assert crypto.sign("1700000000", "abc123", KEY, raw) == expected


def test_the_official_decryption_opens_what_the_sandbox_seals() -> None:
    """A random start block is used each time, and the SDK's own cipher reads the body back."""
    first, second = crypto.seal({"文": 1}, KEY), crypto.seal({"文": 1}, KEY)
    assert first != second
    assert json.loads(AESCipher(KEY).decrypt_str(json.loads(first)["encrypt"])) == {"文": 1}


def test_without_a_key_the_body_goes_in_clear() -> None:
    """No encrypt key in the console means a plain JSON body."""
    assert json.loads(crypto.seal(CHALLENGE, None)) == CHALLENGE

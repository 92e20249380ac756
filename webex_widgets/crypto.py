"""Encryption at rest: Fernet, with as many keys as a rotation needs."""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

from .conf import conf, improperly
from .exceptions import DecryptionError


def encrypt(plaintext: str) -> str:
    """Return ``plaintext`` encrypted with the first key, as ASCII."""
    return _fernet().encrypt(plaintext.encode()).decode("ascii")


def decrypt(ciphertext: str) -> str:
    """Return what ``encrypt`` was given.

    Raises ``DecryptionError`` when no key fits or the text is damaged.
    """
    try:
        return _fernet().decrypt(ciphertext.encode()).decode()
    except (InvalidToken, UnicodeError):
        pass
    raise DecryptionError(
        "No key fits a stored Webex token. Put the key that it was stored with back into "
        'WEBEX_WIDGETS["ENCRYPTION_KEYS"] (or into SECRET_KEY_FALLBACKS where ENCRYPTION_KEYS is '
        "not set), behind the new one."
    )


def _fernet() -> MultiFernet:
    keys = conf.ENCRYPTION_KEYS
    if keys is not None:
        return _from_fernet_keys(tuple(keys))
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return _from_secrets(tuple(force_bytes(secret) for secret in secrets))


@lru_cache(maxsize=4)
def _from_fernet_keys(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        pass
    raise improperly(
        "ENCRYPTION_KEYS",
        "holds something that is not a Fernet key. Make one with: python -c "
        '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
    )


@lru_cache(maxsize=4)
def _from_secrets(secrets: tuple[bytes, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derive(secret)) for secret in secrets])


def _derive(secret: bytes) -> bytes:
    # Its own "info" keeps this key apart from everything else that SECRET_KEY is used for.
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"webex_widgets.tokens").derive(
        secret
    )
    return base64.urlsafe_b64encode(key)

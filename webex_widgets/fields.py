"""A text field that is encrypted in the database.

The import path of ``EncryptedTextField`` stands in migrations and must not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute

from . import crypto

PREFIX: Final = "fernet:"


@dataclass(frozen=True, repr=False)
class Ciphertext:
    """A stored value that nobody has asked for yet."""

    text: str

    def __repr__(self) -> str:
        return "<encrypted>"


class _DecryptOnAccess(DeferredAttribute):
    """Decrypts when the attribute is read, not when the row is loaded.

    So a row that no key fits can still be listed, saved and deleted: reading its secret is the
    error, and saving the row writes back the very ciphertext that came.
    """

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        value = super().__get__(instance, cls)
        return crypto.decrypt(value.text) if isinstance(value, Ciphertext) else value

    def __set__(self, instance: models.Model, value: Any) -> None:
        # With a setter the descriptor goes before the instance's dictionary.
        instance.__dict__[self.field.attname] = value


if TYPE_CHECKING:
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField


class EncryptedTextField(TextField):
    """Text of any length: plain on the instance, encrypted in the database and in ``dumpdata``.

    Reading an attribute that no key fits raises ``DecryptionError``; ciphertext is never handed
    out as if it were the text. There are no lookups but ``isnull``, because equal texts have
    different ciphertexts.
    """

    descriptor_class = _DecryptOnAccess

    def from_db_value(
        self, value: str | None, expression: Any, connection: BaseDatabaseWrapper
    ) -> Ciphertext | None:
        """Wrap what the database holds."""
        return None if value is None else Ciphertext(value.removeprefix(PREFIX))

    def get_prep_value(self, value: Any) -> str | None:
        """Encrypt for the database; what was never decrypted goes back as it came."""
        if value is None:
            return None
        if isinstance(value, Ciphertext):
            return PREFIX + value.text
        return PREFIX + crypto.encrypt(str(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Hand on what is there without decrypting it."""
        return model_instance.__dict__[self.attname]

    def to_python(self, value: Any) -> Any:
        """Take a fixture's ciphertext for what it is."""
        if isinstance(value, str) and value.startswith(PREFIX):
            return Ciphertext(value.removeprefix(PREFIX))
        return super().to_python(value)

    def value_to_string(self, obj: models.Model) -> str:
        """Return ciphertext: a fixture is a file that people pass on."""
        return PREFIX + crypto.encrypt(str(self.value_from_object(obj)))

    def get_lookup(self, lookup_name: str) -> Any:
        """Allow ``isnull`` alone."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

"""Encryption at rest, and what a token looks like when it is copied about."""

from __future__ import annotations

import copy
import pickle

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core import serializers
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from webex_widgets import crypto
from webex_widgets.exceptions import DecryptionError
from webex_widgets.models import WebexToken

from .conftest import ACCESS, REFRESH, make_token


def stored(column: str = "access_token") -> str:
    """Return what the database really holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM webex_widgets_webextoken")
        return str(cursor.fetchone()[0])


@given(st.text())
def test_round_trip(text: str) -> None:
    ciphertext = crypto.encrypt(text)
    assert crypto.decrypt(ciphertext) == text
    assert ciphertext != text


@given(st.text(max_size=200))
def test_garbage_is_an_error_and_nothing_else(text: str) -> None:
    with pytest.raises(DecryptionError):
        crypto.decrypt(text)


def test_the_database_holds_ciphertext(token: WebexToken) -> None:
    assert ACCESS not in stored()
    assert REFRESH not in stored("refresh_token")
    assert WebexToken.objects.get().access_token == ACCESS


def test_a_jwt_is_stored_whole(user: User) -> None:
    jwt = "eyJ" + "a" * 4000
    make_token(user, access_token=jwt, refresh_token=jwt)
    assert WebexToken.objects.get().access_token == jwt
    assert WebexToken.objects.get().refresh_token == jwt


def test_the_secret_key_may_rotate(token: WebexToken, settings: Settings) -> None:
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another"
    with pytest.raises(DecryptionError, match="SECRET_KEY_FALLBACKS"):
        _ = WebexToken.objects.get().access_token
    settings.SECRET_KEY_FALLBACKS = [old]
    assert WebexToken.objects.get().access_token == ACCESS


def test_keys_of_their_own_may_rotate(user: User, settings: Settings) -> None:
    first, second = (Fernet.generate_key().decode() for _ in range(2))
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "ENCRYPTION_KEYS": [first]}
    make_token(user)
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "ENCRYPTION_KEYS": [second, first]}
    row = WebexToken.objects.get()
    row.access_token = row.access_token
    row.save()
    settings.WEBEX_WIDGETS = {**settings.WEBEX_WIDGETS, "ENCRYPTION_KEYS": [second]}
    assert WebexToken.objects.get().access_token == ACCESS


def test_a_key_that_is_none(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"ENCRYPTION_KEYS": ["not a key"]}
    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS") as raised:
        crypto.encrypt("text")
    assert "not a key" not in str(raised.value)


def test_an_unreadable_row_survives_a_save(token: WebexToken, settings: Settings) -> None:
    before = stored()
    key = settings.SECRET_KEY
    settings.SECRET_KEY = "another"
    row = WebexToken.objects.get()
    row.email = "new@example.com"
    row.save()
    assert stored() == before
    settings.SECRET_KEY = key
    row.refresh_from_db()
    assert (row.email, row.access_token) == ("new@example.com", ACCESS)


def test_a_deferred_secret_loads_when_it_is_asked_for(token: WebexToken) -> None:
    row = WebexToken.objects.defer("access_token").get()
    assert row.access_token == ACCESS


def test_values_are_not_the_text(token: WebexToken) -> None:
    (value,) = WebexToken.objects.values_list("access_token", flat=True)
    assert repr(value) == str(value) == "<encrypted>"


@pytest.mark.parametrize("lookup", ["access_token", "access_token__contains"])
def test_there_are_no_lookups(token: WebexToken, lookup: str) -> None:
    with pytest.raises(FieldError):
        WebexToken.objects.get(**{lookup: ACCESS})
    assert WebexToken.objects.filter(access_token__isnull=False).exists()


@pytest.mark.parametrize("deferred", [[], ["access_token"]])
def test_a_fixture_holds_ciphertext_and_comes_back(token: WebexToken, deferred: list[str]) -> None:
    fixture = serializers.serialize("json", WebexToken.objects.defer(*deferred))
    assert ACCESS not in fixture
    assert REFRESH not in fixture
    WebexToken.objects.all().delete()
    for entry in serializers.deserialize("json", fixture):
        entry.save()
    assert WebexToken.objects.get().access_token == ACCESS


def test_copies_keep_the_secret_encrypted(token: WebexToken) -> None:
    row = WebexToken.objects.get()
    assert ACCESS.encode() not in pickle.dumps(row)
    assert copy.copy(row).access_token == ACCESS


def test_an_empty_column() -> None:
    field = WebexToken._meta.get_field("access_token")
    assert field.get_prep_value(None) is None
    assert field.from_db_value(None, None, connection) is None
    assert field.to_python("plain") == "plain"
    assert WebexToken.access_token.field is field

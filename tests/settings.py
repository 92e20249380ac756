"""Settings of the test site; ``DATABASE_URL`` chooses another database than SQLite."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import environ

env = environ.Env()

SECRET_KEY = "sentinel-secret-key-0123456789-abcdefghijklmnopqrstuvwxyz"
USE_TZ = True
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
ROOT_URLCONF = "tests.urls"
DATABASES = {"default": env.db_url("DATABASE_URL", default="sqlite://:memory:")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, because threads would share a database in memory by sharing one connection, which
    # mixes up what they ask at the same time.
    DATABASES["default"] |= {
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF",
            "transaction_mode": "IMMEDIATE",
        },
        "TEST": {"NAME": Path(tempfile.gettempdir()) / f"webex-widgets-{os.getpid()}.sqlite3"},
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "webex_widgets",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
# Django 6.1 asks for it; earlier versions do not know it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
STATIC_URL = "static/"
LOGIN_URL = "/admin/login/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
X_FRAME_OPTIONS = "DENY"
WEBEX_WIDGETS = {
    "CLIENT_ID": "sentinel-client-id",
    "CLIENT_SECRET": "sentinel-client-secret",
}

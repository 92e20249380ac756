"""Settings of the example site.

They come from environment variables, or from the file ``.env`` beside the project's README;
``.env.example`` lists them all. What a site needs for django-webex-widgets is under "Webex".
"""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR.parent / ".env").is_file():
    env.read_env(BASE_DIR.parent / ".env")

# This site is there to be tried on one's own computer. Anywhere else: DEBUG=False.
DEBUG = env.bool("DEBUG", default=True)
SECRET_KEY = env.str("SECRET_KEY", default="") or ("for-development-only" * 3 if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY: with DEBUG=False the example site has no default.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])  # with DEBUG, Django allows localhost

# Webex -----------------------------------------------------------------------------------------

CLIENT_ID = env.str("WEBEX_CLIENT_ID", default="")
CLIENT_SECRET = env.str("WEBEX_CLIENT_SECRET", default="")
if bool(CLIENT_ID) != bool(CLIENT_SECRET):
    raise ImproperlyConfigured(
        "Set both WEBEX_CLIENT_ID and WEBEX_CLIENT_SECRET to speak to Webex, "
        "or neither of them to use the sandbox."
    )
SANDBOX = not CLIENT_ID
if SANDBOX and not DEBUG:
    raise ImproperlyConfigured(
        "Set WEBEX_CLIENT_ID and WEBEX_CLIENT_SECRET: the sandbox runs only with DEBUG=True."
    )

WEBEX_WIDGETS: dict[str, Any] = {
    "CLIENT_ID": CLIENT_ID,
    "CLIENT_SECRET": CLIENT_SECRET,
    "ENCRYPTION_KEYS": env.list("WEBEX_ENCRYPTION_KEYS", default=[]) or None,
}

# Visitors without a Webex account take part as guests, whom a Service App of yours makes. Without
# it, the page that is for them is not linked.
GUESTS = {
    "CLIENT_ID": env.str("WEBEX_GUEST_CLIENT_ID", default=""),
    "CLIENT_SECRET": env.str("WEBEX_GUEST_CLIENT_SECRET", default=""),
    "REFRESH_TOKEN": env.str("WEBEX_GUEST_REFRESH_TOKEN", default=""),
}
if any(GUESTS.values()):
    WEBEX_WIDGETS["GUESTS"] = GUESTS
SILENCED_SYSTEM_CHECKS = ["webex_widgets.W006"]  # that page knows by itself whether there are any

# Where the connect form may lead: browsers hold redirects of a form to the policy below as well.
AUTHORIZE_ORIGINS = ["https://webexapis.com", "https://*.webex.com"]

# Instead of Webex: a stand-in for it on this computer, which needs no account.
SANDBOX_URL = None
if SANDBOX:
    SANDBOX_URL = f"http://127.0.0.1:{env.int('WEBEX_SANDBOX_PORT', default=8001)}"
    WEBEX_WIDGETS |= {
        "CLIENT_ID": "example-site",
        "CLIENT_SECRET": "known-to-the-sandbox-only",
        "API_BASE_URL": f"{SANDBOX_URL}/v1",
        "GUESTS": {
            "CLIENT_ID": "example-service-app",
            "CLIENT_SECRET": "known-to-the-sandbox-only",
            "REFRESH_TOKEN": "known-to-the-sandbox-only",
        },
    }
    AUTHORIZE_ORIGINS = [SANDBOX_URL]

# Cisco's widgets, each served by this site once vendor_webex_widgets has fetched it. Without these
# lines they come from Cisco's own servers.
STATICFILES_DIRS: list[Path] = []
for setting, widget in {"SPACE_WIDGET": "widget-space", "RECENTS_WIDGET": "widget-recents"}.items():
    if (BASE_DIR / "static/webex" / widget / "bundle.js").is_file():
        STATICFILES_DIRS = [BASE_DIR / "static"]
        WEBEX_WIDGETS[setting] = {
            "SCRIPT": f"webex/{widget}/bundle.js",
            "STYLESHEET": f"webex/{widget}/main.css",
        }

# The site -------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "intranet",  # before webex_widgets, because it overrides webex_widgets/base.html
    *(["webex_widgets.sandbox"] if SANDBOX else []),
    "webex_widgets",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# A content security policy, to show how little the widget asks of the pages around it. Django
# has its own since 6.0; on Django 5.2 a site would take django-csp for this.
try:
    from django.utils.csp import CSP
except ImportError:
    pass
else:
    MIDDLEWARE.insert(1, "django.middleware.csp.ContentSecurityPolicyMiddleware")
    SECURE_CSP = {
        "default-src": [CSP.SELF],
        "form-action": [CSP.SELF, *AUTHORIZE_ORIGINS],
        "frame-ancestors": [CSP.NONE],
        "base-uri": [CSP.NONE],
        "object-src": [CSP.NONE],
    }

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "intranet.context.site",
            ],
        },
    },
]

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Anybody may sign in as Ada or Grace by one click, so this must never be on in public.
DEMO_SIGN_IN = DEBUG
LOGIN_URL = "intranet:sign_in" if DEMO_SIGN_IN else "admin:login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "intranet:home"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "collected"

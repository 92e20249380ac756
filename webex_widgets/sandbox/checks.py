"""System checks: the sandbox refuses to be where it does not belong."""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from webex_widgets.sandbox import conf

SANDBOX = "webex_widgets.sandbox"
PRODUCT = "webex_widgets"


def check_debug(**_kwargs: object) -> list[CheckMessage]:
    """E001: the sandbox lets anybody be anybody, so it has no place on a real site."""
    if settings.DEBUG:
        return []
    return [
        Error(
            "The Webex sandbox is installed while DEBUG is off.",
            hint=f'Remove "{SANDBOX}" from INSTALLED_APPS, or set DEBUG = True for development.',
            id="webex_widgets_sandbox.E001",
        )
    ]


def check_order(**_kwargs: object) -> list[CheckMessage]:
    """E002: Django takes the sandbox's template only where it comes before the product's."""
    names = [config.name for config in apps.get_app_configs()]
    if PRODUCT in names and names.index(SANDBOX) < names.index(PRODUCT):
        return []
    return [
        Error(
            "The Webex sandbox does not stand before the app that it serves.",
            hint=f'Put "{SANDBOX}" before "{PRODUCT}" in INSTALLED_APPS.',
            id="webex_widgets_sandbox.E002",
        )
    ]


def check_address(**_kwargs: object) -> list[CheckMessage]:
    """E003: the site must call the sandbox, and the sandbox must only be on this machine."""
    try:
        conf.address()
    except ImproperlyConfigured as error:
        return [
            Error(
                str(error),
                hint=f'For the sandbox, set WEBEX_WIDGETS["API_BASE_URL"] = "{conf.EXAMPLE}", '
                "with any free port.",
                id="webex_widgets_sandbox.E003",
            )
        ]
    return []

"""A receiver that writes to people whose connection has ended; a site connects it if it wants to.

See ``docs/upkeep.md``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from django.contrib.auth.models import AbstractBaseUser
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from .addresses import url
from .conf import conf, improperly


def mail_reconnect_link(user: AbstractBaseUser, **_arguments: Any) -> None:
    """Write to ``user`` where to connect again; a receiver of ``webex_reauthorization_required``.

    Users without an address hear nothing. The link is on the site that ``REDIRECT_URI`` names,
    because a command has no request to take it from; raises ``ImproperlyConfigured`` without one.
    """
    if conf.REDIRECT_URI is None:
        raise improperly(
            "REDIRECT_URI", "must be set, so that an e-mail can name the address of this site."
        )
    address = getattr(user, user.get_email_field_name(), None)
    if address:
        link = urljoin(conf.REDIRECT_URI, url("connect"))
        text = render_to_string("webex_widgets/reconnect_email.txt", {"user": user, "link": link})
        send_mail(_("Please connect to Webex again"), text, None, [address])

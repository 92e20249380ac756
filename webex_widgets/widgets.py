"""What a template asks for, on its way through a signed address into the browser's options."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature, Signer
from django.urls import NoReverseMatch, reverse

from .conf import WidgetAssets, conf

SALT: Final = "webex_widgets.frame"


@dataclass(frozen=True)
class SpaceWidget:
    """The conversation of the space that has this title for whoever looks."""

    room_title: str

    @property
    def assets(self) -> WidgetAssets:
        """Where Cisco's bundle comes from."""
        return conf.SPACE_WIDGET

    def signed(self) -> str:
        """Return this widget as a text that only this site can make.

        It has no time stamp: the same call gives the same address, so that pages can be cached.
        """
        return Signer(salt=SALT).sign_object(asdict(self), compress=True)

    @classmethod
    def from_signed(cls, value: str) -> SpaceWidget:
        """Return what ``signed`` made the text of. Raises ``BadSignature`` for any other text."""
        fields = Signer(salt=SALT).unsign_object(value)
        try:
            return cls(**fields)
        except TypeError:
            raise BadSignature("The address is of another version.") from None

    def frame_url(self) -> str:
        """Return the frame's address. Raises ``ImproperlyConfigured`` where it has none."""
        return url("frame", w=self.signed())

    def options(self, access_token: str, room_id: str) -> dict[str, Any]:
        """Return what ``spaceWidget()`` takes, as Cisco's documentation names it."""
        options: dict[str, Any] = {
            "accessToken": access_token,
            "destinationId": room_id,
            "destinationType": "spaceId",
        }
        if conf.FEDRAMP:
            # Any other value than its absence turns it on.
            options["fedramp"] = True
        return options


def url(name: str, **query: str) -> str:
    """Return the address of one of this app's views, with a query string."""
    try:
        path = reverse(f"webex_widgets:{name}")
    except NoReverseMatch:
        raise ImproperlyConfigured(
            "webex_widgets has no addresses: add "
            'path("webex/", include("webex_widgets.urls")) to your URLconf.'
        ) from None
    return f"{path}?{urlencode(query)}" if query else path

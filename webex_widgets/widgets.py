"""What a template asks for, on its way through a signed address into the browser's options.

What the bundles take, and what they make of it where nothing is said, is from Cisco's README of
each widget.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Final

from django.core.signing import BadSignature, Signer

from .addresses import url
from .conf import WidgetAssets, conf

SALT: Final = "webex_widgets.frame"

DESTINATIONS: Final = {
    "room_title": "spaceId",
    "room_id": "spaceId",
    "email": "email",
    "person_id": "userId",
    "sip": "sip",
}
"""What a space can be named by, and how Cisco's widget calls that."""

ACTIVITIES: Final = ("files", "meet", "message", "people")
INITIAL_ACTIVITIES: Final = ("message", "meet")
LOG_LEVELS: Final = ("error", "warn", "debug", "info", "trace", "silent")


class ContradictionError(ValueError):
    """Options that do not go together: a sentence, and the options that it is about."""

    def __init__(self, sentence: str, *options: str) -> None:
        super().__init__(sentence)
        self.options = options


def option(name: str) -> Any:
    """Declare a field that goes to the bundle under this name; ``None``: as Cisco has it."""
    return field(default=None, metadata={"option": name})


@dataclass(frozen=True, kw_only=True)
class Widget(ABC):
    """What both widgets have in common.

    ``language`` is the one that the frame speaks, as Django names it; empty: the site's.
    ``on_click`` keeps Cisco's bundle away until somebody presses a button.
    """

    kind: ClassVar[str]
    """Its name in signed addresses."""
    function: ClassVar[str]
    """What starts it in Cisco's bundle."""

    language: str = ""
    on_click: bool = False
    log_level: str | None = option("logLevel")

    @property
    @abstractmethod
    def assets(self) -> WidgetAssets:
        """Where Cisco's bundle comes from."""

    def signed(self) -> str:
        """Return this widget as a text that only this site can make.

        It has no time stamp: the same call gives the same address, so that pages can be cached.
        """
        said = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if getattr(self, item.name) != item.default
        }
        return Signer(salt=SALT).sign_object({"widget": self.kind, **said}, compress=True)

    def frame_url(self) -> str:
        """Return the frame's address. Raises ``ImproperlyConfigured`` where it has none."""
        return url("frame", w=self.signed())

    def options(self, access_token: str) -> dict[str, Any]:
        """Return what the bundle's function takes."""
        options: dict[str, Any] = {"accessToken": access_token}
        for item in fields(self):
            value = getattr(self, item.name)
            if "option" in item.metadata and value is not None:
                options[item.metadata["option"]] = value
        if conf.FEDRAMP:
            # Any other value than its absence turns it on.
            options["fedramp"] = True
        return options


@dataclass(frozen=True, kw_only=True)
class SpaceWidget(Widget):
    """One conversation.

    ``destination_type`` is a key of ``DESTINATIONS``; an empty ``destination`` waits for the space
    that is chosen in a Recents widget. ``activities`` are those to offer, separated by commas;
    ``None``: all. With ``guest``, visitors who are not connected take part as guests. Raises
    ``ContradictionError``.
    """

    kind: ClassVar[str] = "space"
    function: ClassVar[str] = "spaceWidget"

    destination: str = ""
    destination_type: str = "room_title"
    guest: bool = False
    activities: str | None = None
    attach_files: bool | None = None
    initial_activity: str | None = option("initialActivity")
    current_activity: str | None = option("setCurrentActivity")
    start_call: bool | None = option("startCall")
    submit_button: bool | None = option("showSubmitButton")
    send_on_return: bool | None = option("sendMessageOnReturnKey")
    full_width_activities: bool | None = option("secondaryActivitiesFullWidth")

    def __post_init__(self) -> None:
        """Refuse what Cisco's widget would only answer with an error."""
        offered = ACTIVITIES if self.activities is None else self.activities.split(",")
        first = self.initial_activity or "message"
        if self.start_call and "meet" not in offered:
            raise ContradictionError(
                'start_call needs "meet" among the activities', "start_call", "activities"
            )
        if first not in offered and not self.start_call:
            raise ContradictionError(
                f'it opens with "{first}", which is not among the activities: add it to '
                "activities, or choose another initial_activity",
                "initial_activity",
                "activities",
                "start_call",
            )
        if self.current_activity and self.current_activity not in offered:
            raise ContradictionError(
                f'current_activity is "{self.current_activity}", which is not among the activities',
                "current_activity",
                "activities",
            )
        if self.send_on_return is False and not self.submit_button:
            raise ContradictionError(
                "send_on_return=False needs submit_button=True, or nobody could send a message",
                "send_on_return",
                "submit_button",
            )

    @property
    def assets(self) -> WidgetAssets:
        """Where Cisco's Space widget comes from."""
        return conf.SPACE_WIDGET

    def options(self, access_token: str, destination_id: str = "") -> dict[str, Any]:
        """Return what ``spaceWidget()`` takes, for this space, person or address."""
        options = super().options(access_token)
        options["destinationId"] = destination_id
        options["destinationType"] = DESTINATIONS[self.destination_type]
        if self.activities is not None:
            offered = self.activities.split(",")
            options["spaceActivities"] = {name: name in offered for name in ACTIVITIES}
        if self.attach_files is not None:
            options["composerActions"] = {"attachFiles": self.attach_files}
        return options


@dataclass(frozen=True, kw_only=True)
class RecentsWidget(Widget):
    """The visitor's own spaces.

    ``opens`` is the id of the ``<iframe>`` of a Space widget on the same page, which shows the
    space that is chosen here. Raises ``ContradictionError``.
    """

    kind: ClassVar[str] = "recents"
    function: ClassVar[str] = "recentsWidget"

    opens: str = ""
    basic_mode: bool | None = option("basicMode")
    add_button: bool | None = option("enableAddButton")
    filter: bool | None = option("enableSpaceListFilter")
    profile: bool | None = option("enableUserProfile")
    profile_menu: bool | None = option("enableUserProfileMenu")
    space_count: int | None = option("spaceLoadCount")

    def __post_init__(self) -> None:
        """Refuse what Cisco's widget would only answer with an error."""
        if self.profile is False and self.profile_menu:
            raise ContradictionError(
                "profile_menu=True needs the profile, which profile=False turns off",
                "profile_menu",
                "profile",
            )

    @property
    def assets(self) -> WidgetAssets:
        """Where Cisco's Recents widget comes from."""
        return conf.RECENTS_WIDGET


KINDS: Final = {widget.kind: widget for widget in (SpaceWidget, RecentsWidget)}


def from_signed(value: str) -> SpaceWidget | RecentsWidget:
    """Return what ``signed`` made the text of. Raises ``BadSignature`` for any other text."""
    said = Signer(salt=SALT).unsign_object(value)
    try:
        return KINDS[said.pop("widget")](**said)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadSignature("The address is of another version.") from None

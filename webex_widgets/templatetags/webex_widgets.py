"""``{% load webex_widgets %}``: one ``<iframe>`` for each widget, and a link to connect.

Drawing a tag asks nobody and nothing: no query, no call to Webex, and the same output for every
visitor. A wrong option is a ``TemplateSyntaxError`` when the template is compiled. A variable with
a value that does not fit never makes a page fail: the default stands in, and a warning is logged.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import Context, Node, TemplateSyntaxError, Variable
from django.template.base import FilterExpression, Parser, Token
from django.template.loader import render_to_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ..addresses import url
from ..widgets import (
    ACTIVITIES,
    DESTINATIONS,
    INITIAL_ACTIVITIES,
    LOG_LEVELS,
    ContradictionError,
    RecentsWidget,
    SpaceWidget,
)

register = template.Library()
logger = logging.getLogger("webex_widgets")

Convert = Callable[[object], Any]
"""Makes of a value what a widget takes, or raises ``ValueError`` with what it must be."""


def _length(value: object) -> str:
    text = str(value).strip().removesuffix("px")
    if not re.fullmatch(r"[1-9][0-9]{0,4}%?", text):
        raise ValueError("a number of pixels or a percentage")
    return text


def _text(value: object) -> str:
    # What is no text at all, such as half of a surrogate pair, could not be sent anywhere.
    text = "" if value is None else str(value).strip()
    return text.encode("utf-8", "replace").decode()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("True or False")  # noqa: TRY004 - one error for all that does not fit
    return value


def _count(value: object) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", str(value)):
        raise ValueError("a number from 1 to 9999")
    return int(str(value))


def _one_of(*choices: str) -> Convert:
    def convert(value: object) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return str(value)

    return convert


def _activities(value: object) -> str:
    names = value.split(",") if isinstance(value, str) else value
    chosen = {str(name).strip() for name in names} if isinstance(names, Iterable) else set()
    if not chosen or not chosen <= set(ACTIVITIES):
        raise ValueError(f"one or more of {', '.join(ACTIVITIES)}, separated by commas")
    return ",".join(name for name in ACTIVITIES if name in chosen)


FRAME: Final[Mapping[str, tuple[str, Convert]]] = {
    "height": ("600", _length),
    "width": ("100%", _length),
    "title": ("", _text),
    "id": ("", _text),
    "class": ("webex-widget", _text),
    "loading": ("lazy", _one_of("lazy", "eager", "click")),
}
"""What the ``<iframe>`` takes: the default, and what makes text of a value."""

SPACE: Final[Mapping[str, Convert]] = {
    **dict.fromkeys(DESTINATIONS, _text),
    "initial_activity": _one_of(*INITIAL_ACTIVITIES),
    "current_activity": _one_of(*ACTIVITIES),
    "activities": _activities,
    "start_call": _flag,
    "attach_files": _flag,
    "submit_button": _flag,
    "send_on_return": _flag,
    "full_width_activities": _flag,
    "log_level": _one_of(*LOG_LEVELS),
    "guest": _flag,
}
RECENTS: Final[Mapping[str, Convert]] = {
    "opens": _text,
    "basic_mode": _flag,
    "add_button": _flag,
    "filter": _flag,
    "profile": _flag,
    "profile_menu": _flag,
    "space_count": _count,
    "log_level": _one_of(*LOG_LEVELS),
}
"""What the widgets take: what makes a field's value of the template's."""


BUILTINS: Final = ("True", "False", "None")
"""Variables that mean the same in every context."""


class WidgetNode(Node, ABC):
    """A widget's ``<iframe>``: what the tags have in common."""

    tag: str
    takes: Mapping[str, Convert]

    def __init__(self, options: dict[str, FilterExpression]) -> None:
        """Keep the options, whose names and constants are right. Raises ``TemplateSyntaxError``."""
        self.options = options
        self.converters = {**{name: convert for name, (_, convert) in FRAME.items()}, **self.takes}
        unknown = [name for name in options if name not in self.converters]
        if unknown:
            raise TemplateSyntaxError(
                f"{self.tag} has no option {unknown[0]}. Its options are "
                f"{', '.join(name for name in self.converters if name != 'room_title')}."
            )
        constants = {name: value for name, value in options.items() if _is_constant(value)}
        self.variables = options.keys() - constants.keys()
        try:
            values = self.converted(constants, Context())
            self.widget({name: values[name] for name in values if name in self.takes})
        except ContradictionError as error:
            # With a variable among them nobody knows yet.
            if self.variables.isdisjoint(error.options):
                raise TemplateSyntaxError(f"{self.tag}: {error}.") from None
        except ValueError as error:
            raise TemplateSyntaxError(f"{self.tag}: {error}.") from None

    def converted(
        self, options: Mapping[str, FilterExpression], context: Context, *, patient: bool = False
    ) -> dict[str, Any]:
        """Return the options' values; a ``None`` is as good as nothing said.

        Where a value does not fit: raise ``ValueError``, or if ``patient`` leave it out and say so.
        """
        values = {}
        for name, expression in options.items():
            value = expression.resolve(context)
            try:
                if value is not None or name in DESTINATIONS:
                    values[name] = self.converters[name](value)
            except Exception as error:  # noqa: BLE001 - whatever a site's own object does
                expected = error if isinstance(error, ValueError) else "something else"
                problem = f"{name} is {expected}, not {_shown(value)}"
                if not patient:
                    raise ValueError(problem) from None
                logger.warning("%s: %s.", self.tag, problem)
        return values

    @abstractmethod
    def widget(self, values: Mapping[str, Any]) -> SpaceWidget | RecentsWidget:
        """Return the widget of these fields. Raises ``ContradictionError``."""

    @abstractmethod
    def title(self, values: Mapping[str, Any]) -> str | None:
        """Return what a screen reader calls the frame; ``None``: there is nothing to show."""

    def render(self, context: Context) -> str:
        """Return the ``<iframe>``, or a sentence where there is nothing to show."""
        values = self.converted(self.options, context, patient=True)
        attributes = {name: values.get(name, default) for name, (default, _) in FRAME.items()}
        title = self.title(values)
        if title is None:
            attributes["src"] = ""
            return render_to_string("webex_widgets/iframe.html", attributes).strip()
        fixed = {
            "language": get_language() or settings.LANGUAGE_CODE,
            "on_click": attributes["loading"] == "click",
        }
        said = {name: value for name, value in values.items() if name in self.takes}
        while True:
            try:
                widget = self.widget({**said, **fixed})
                break
            except ContradictionError as error:
                logger.warning("%s: %s.", self.tag, error)
                # What the template says itself has the last word.
                doubtful = self.variables.intersection(error.options) & said.keys()
                for name in doubtful or error.options:
                    said.pop(name, None)
        attributes["title"] = attributes["title"] or title
        attributes["loading"] = "eager" if attributes["loading"] == "eager" else "lazy"
        attributes["src"] = widget.frame_url()
        return render_to_string("webex_widgets/iframe.html", attributes).strip()


class SpaceWidgetNode(WidgetNode):
    """``{% webex_space_widget room_title option=value … %}``."""

    tag = "webex_space_widget"
    takes = SPACE

    def __init__(self, options: dict[str, FilterExpression]) -> None:
        """Keep the options, among which one at most names the space."""
        destinations = [name for name in options if name in DESTINATIONS]
        if len(destinations) > 1 or (not destinations and "id" not in options):
            raise TemplateSyntaxError(
                "webex_space_widget takes the space's title, or one of room_id, email, person_id "
                'and sip, and then options: {% webex_space_widget "Project Unicorn" height=600 %}. '
                "Without any of them it needs an id, for a webex_recents_widget that opens it."
            )
        self.destination = destinations[0] if destinations else None
        super().__init__(options)

    def widget(self, values: Mapping[str, Any]) -> SpaceWidget:
        """Return the widget of these fields. Raises ``ContradictionError``."""
        options = {name: value for name, value in values.items() if name not in DESTINATIONS}
        if self.destination is not None:
            options["destination"] = values.get(self.destination, "")
            options["destination_type"] = self.destination
        return SpaceWidget(**options)

    def title(self, values: Mapping[str, Any]) -> str | None:
        """Return the frame's title; ``None`` where the space's variable is empty."""
        if self.destination is not None and not values.get(self.destination):
            return None
        if self.destination == "room_title":
            return _("Webex space: %(title)s") % {"title": values["room_title"]}
        return _("Webex space")


class RecentsWidgetNode(WidgetNode):
    """``{% webex_recents_widget option=value … %}``."""

    tag = "webex_recents_widget"
    takes = RECENTS

    def widget(self, values: Mapping[str, Any]) -> RecentsWidget:
        """Return the widget of these fields. Raises ``ContradictionError``."""
        return RecentsWidget(**values)

    def title(self, values: Mapping[str, Any]) -> str:
        """Return the frame's title."""
        return _("Your Webex spaces")


@register.tag
def webex_space_widget(parser: Parser, token: Token) -> SpaceWidgetNode:
    """Draw a space: the one called by the first argument, or ``room_id``, ``email``, … names it.

    Where that is empty, a sentence says that there is no space yet. With an ``id`` alone it shows
    the space that is chosen in a Recents widget whose ``opens`` is that id. The documentation lists
    the options (``docs/widgets.md``).
    """
    return SpaceWidgetNode(_options("webex_space_widget", parser, token, first="room_title"))


@register.tag
def webex_recents_widget(parser: Parser, token: Token) -> RecentsWidgetNode:
    """Draw the list of the visitor's own spaces; the documentation lists the options."""
    return RecentsWidgetNode(_options("webex_recents_widget", parser, token))


def _options(
    tag: str, parser: Parser, token: Token, *, first: str = ""
) -> dict[str, FilterExpression]:
    """Return a tag's options; ``first`` is the name of what may stand there without one."""
    options: dict[str, FilterExpression] = {}
    for bit in token.split_contents()[1:]:
        named = re.match(r"(\w+)=(.+)", bit, re.DOTALL)
        name, text = named.groups() if named else (first, bit)
        if not name:
            raise TemplateSyntaxError(f"{tag} takes options alone, as in height=600, not {bit}.")
        if name in options:
            what = "the space's title" if named is None else name
            raise TemplateSyntaxError(f"{tag}: {what} is given twice.")
        options[name] = parser.compile_filter(text)
    return options


def _shown(value: object) -> str:
    """Return a value for an error's text; only its type where it may be long, or fail."""
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, int) and value.bit_length() <= 64:
        return repr(value)
    return f"a {type(value).__name__}"


def _is_constant(expression: FilterExpression) -> bool:
    var = expression.var
    known = not isinstance(var, Variable) or var.lookups is None or var.var in BUILTINS
    return known and not expression.filters


@register.inclusion_tag("webex_widgets/connect_button.html", takes_context=True)
def webex_connect_button(context: Context) -> dict[str, Any]:
    """Draw a link to the page that connects to Webex and comes back to this one."""
    request = context.get("request")
    here = request.get_full_path() if isinstance(request, HttpRequest) else ""
    return {"url": url("connect", next=here) if here else url("connect")}

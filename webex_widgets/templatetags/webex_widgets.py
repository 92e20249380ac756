"""``{% load webex_widgets %}``: one ``<iframe>``, and a link to connect.

Drawing a tag asks nobody and nothing: no query, no call to Webex, and the same output for every
visitor. A wrong option is a ``TemplateSyntaxError`` when the template is compiled. A variable with
a value that does not fit never makes a page fail: the default stands in, and a warning is logged.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from django import template
from django.http import HttpRequest
from django.template import Context, Node, TemplateSyntaxError, Variable
from django.template.base import FilterExpression, Parser, Token
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ..widgets import SpaceWidget, url

register = template.Library()
logger = logging.getLogger("webex_widgets")


def _length(value: object) -> str:
    text = str(value).strip().removesuffix("px")
    if not re.fullmatch(r"[1-9][0-9]{0,4}%?", text):
        raise ValueError("a number of pixels or a percentage")
    return text


def _loading(value: object) -> str:
    if value not in ("lazy", "eager"):
        raise ValueError('"lazy" or "eager"')
    return str(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)


OPTIONS: Final[Mapping[str, tuple[str, Callable[[object], str]]]] = {
    "height": ("600", _length),
    "width": ("100%", _length),
    "title": ("", _text),
    "id": ("", _text),
    "class": ("webex-widget", _text),
    "loading": ("lazy", _loading),
}
"""Each option's default, and what makes text of a value or raises ``ValueError``."""


class SpaceWidgetNode(Node):
    """``{% webex_space_widget room_title option=value … %}``."""

    def __init__(self, room_title: FilterExpression, options: dict[str, FilterExpression]) -> None:
        self.room_title = room_title
        self.options = options

    def render(self, context: Context) -> str:
        """Return the ``<iframe>``, or a sentence where there is no title."""
        room_title = _text(self.room_title.resolve(context)).strip()
        values = {name: default for name, (default, _convert) in OPTIONS.items()}
        for name, expression in self.options.items():
            value = expression.resolve(context)
            try:
                values[name] = OPTIONS[name][1](value)
            except ValueError as error:
                logger.warning("webex_space_widget: %s is %s, not %.60r.", name, error, value)
        values["title"] = values["title"] or _("Webex space: %(title)s") % {"title": room_title}
        values["src"] = SpaceWidget(room_title).frame_url() if room_title else ""
        return render_to_string("webex_widgets/space_widget.html", values).strip()


@register.tag
def webex_space_widget(parser: Parser, token: Token) -> SpaceWidgetNode:
    """Draw the space called ``room_title``; where that is empty, a sentence that says so.

    Options: ``height`` (600) and ``width`` ("100%") in pixels or per cent, ``title`` (what a
    screen reader calls the frame), ``id``, ``class`` ("webex-widget"), ``loading`` ("lazy" or
    "eager").
    """
    bits = token.split_contents()[1:]
    options: dict[str, FilterExpression] = {}
    titles = []
    for bit in bits:
        named = re.match(r"(\w+)=(.+)", bit, re.DOTALL)
        if named is None:
            titles.append(parser.compile_filter(bit))
            continue
        name, text = named.groups()
        if name not in OPTIONS:
            raise TemplateSyntaxError(
                f"webex_space_widget has no option {name}. Its options are {', '.join(OPTIONS)}."
            )
        if name in options:
            raise TemplateSyntaxError(f"webex_space_widget: {name} is given twice.")
        options[name] = _checked(name, parser.compile_filter(text))
    if len(titles) != 1:
        raise TemplateSyntaxError(
            "webex_space_widget takes the space's title and then options: "
            '{% webex_space_widget "Project Unicorn" height=600 %}.'
        )
    return SpaceWidgetNode(titles[0], options)


def _checked(name: str, expression: FilterExpression) -> FilterExpression:
    """Return ``expression``; where it is a constant that does not fit, raise."""
    var = expression.var
    constant = not isinstance(var, Variable) or var.lookups is None
    if constant and not expression.filters:
        value = expression.resolve(Context())
        try:
            OPTIONS[name][1](value)
        except ValueError as error:
            raise TemplateSyntaxError(
                f"webex_space_widget: {name} is {error}, not {value!r}."
            ) from None
    return expression


@register.inclusion_tag("webex_widgets/connect_button.html", takes_context=True)
def webex_connect_button(context: Context) -> dict[str, Any]:
    """Draw a link to the page that connects to Webex and comes back to this one."""
    request = context.get("request")
    here = request.get_full_path() if isinstance(request, HttpRequest) else ""
    return {"url": url("connect", next=here) if here else url("connect")}

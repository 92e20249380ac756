"""What the sandbox's version of the frame needs to know."""

from __future__ import annotations

from django import template

from webex_widgets.sandbox import conf

register = template.Library()


@register.simple_tag
def webex_sandbox_origin() -> str:
    """Return where the sandbox is, such as ``http://127.0.0.1:8001``."""
    return conf.address().origin

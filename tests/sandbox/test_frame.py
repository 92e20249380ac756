"""The sandbox's version of the frame, and the script that it adds."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import get_template
from pytest_django import Settings

from webex_widgets.sandbox import templatetags

PRODUCT = """<head>{% block scripts %}<script src="frame.js" defer></script>{% endblock %}</head>"""


@pytest.fixture
def product(settings: Settings, tmp_path: Path) -> None:
    """Put a small frame in the product's place, below the sandbox's."""
    (tmp_path / "webex_widgets").mkdir()
    (tmp_path / "webex_widgets" / "frame.html").write_text(PRODUCT)
    here = Path(templatetags.__file__).parent.parent / "templates"
    settings.INSTALLED_APPS = ["webex_widgets.sandbox", "django.contrib.staticfiles"]
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [here, tmp_path],
        }
    ]


@pytest.mark.usefixtures("product")
def test_the_script_comes_first_and_knows_where_the_sandbox_is(settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {"API_BASE_URL": "http://[::1]:8009/v1"}
    html = get_template("webex_widgets/frame.html").render({})
    lead = html.index('<script src="/static/webex_widgets_sandbox/lead.js"')
    assert lead < html.index("frame.js")
    assert 'data-sandbox="http://[::1]:8009"' in html


@pytest.mark.usefixtures("product")
def test_the_script_is_a_static_file() -> None:
    assert finders.find("webex_widgets_sandbox/lead.js")

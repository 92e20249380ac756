"""The template tags, and the frame that they point to."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import Client, RequestFactory
from django.utils import translation
from pytest_django import DjangoAssertNumQueries, Settings

from webex_widgets.widgets import SpaceWidget


def draw(source: str, **context: Any) -> str:
    return Template("{% load webex_widgets %}" + source).render(Context(context))


class Elements(HTMLParser):
    """The start tags of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def iframe(source: str, **context: Any) -> dict[str, str | None]:
    ((tag, attributes),) = Elements(draw(source, **context)).found
    assert tag == "iframe"
    return attributes


def test_one_iframe_and_nothing_else() -> None:
    attributes = iframe('{% webex_space_widget "Project Unicorn" %}')
    assert attributes == {
        "src": "/webex/frame/?" + "w=" + str(attributes["src"]).partition("w=")[2],
        "class": "webex-widget",
        "title": "Webex space: Project Unicorn",
        "width": "100%",
        "height": "600",
        "loading": "lazy",
        "frameborder": "0",
        "allow": "camera; microphone; display-capture; autoplay; clipboard-read; "
        "clipboard-write; fullscreen",
    }


def test_no_query_and_the_same_for_everybody(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, db: None
) -> None:
    with django_assert_num_queries(0):
        drawn = {draw("{% webex_space_widget title height=300 %}", title="A") for _ in range(3)}
    assert len(drawn) == 1


def test_options() -> None:
    attributes = iframe(
        '{% webex_space_widget title height="80%" width=320 title=name id="chat" '
        'class="wide tall" loading="eager" %}',
        title="A",
        name='The "chat"',
    )
    assert attributes["height"] == "80%"
    assert attributes["width"] == "320"
    assert attributes["title"] == 'The "chat"'
    assert attributes["id"] == "chat"
    assert attributes["class"] == "wide tall"
    assert attributes["loading"] == "eager"


@pytest.mark.parametrize("height", ["600px", 600, " 600 "])
def test_heights(height: object) -> None:
    assert iframe('{% webex_space_widget "A" height=height %}', height=height)["height"] == "600"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('"A" colour="red"', "no option colour. Its options are height, width, title, id"),
        ('"A" height="tall"', "height is a number of pixels or a percentage, not 'tall'"),
        ('"A" height=0', "height is a number"),
        ('"A" width="100vw"', "width is a number"),
        ('"A" loading="later"', 'loading is "lazy" or "eager", not \'later\''),
        ('"A" height=1 height=2', "height is given twice"),
        ("", "takes the space's title"),
        ('"A" "B"', "takes the space's title"),
    ],
)
def test_mistakes_are_found_when_the_template_is_compiled(source: str, words: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=words):
        draw("{% webex_space_widget " + source + " %}")


@pytest.mark.parametrize("value", ["tall", None, -5, object(), '"><script>'])
def test_a_variable_never_breaks_a_page(value: object, caplog: pytest.LogCaptureFixture) -> None:
    attributes = iframe(
        '{% webex_space_widget "A" height=value loading=value|default:"x" %}', value=value
    )
    assert (attributes["height"], attributes["loading"]) == ("600", "lazy")
    assert "webex_space_widget: height is a number of pixels" in caplog.text


@pytest.mark.parametrize("title", [None, "", "   "])
def test_nothing_to_show(title: object) -> None:
    drawn = draw('{% webex_space_widget title id="chat" %}', title=title)
    assert drawn == '<p class="webex-widget" id="chat">There is no Webex space here yet.</p>'
    assert "There is no Webex space" in draw("{% webex_space_widget missing %}")


@pytest.mark.parametrize(
    "title", ["<script>\"&'", "Ünïcörn 🦄", "x" * 2000, 42, "{{ x }}", "a\x00b\nc"]
)
def test_any_title(title: object, client: Client, db: None) -> None:
    attributes = iframe("{% webex_space_widget title %}", title=title)
    assert client.get(str(attributes["src"])).status_code == 200
    signed = client.get(str(attributes["src"])).context["session_url"]
    assert client.get(signed).json()["status"] == "sign_in"


def test_in_another_language() -> None:
    with translation.override("de"):
        assert "Project" in str(iframe('{% webex_space_widget "Project" %}')["title"])


def test_without_addresses(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.no_urls"
    with pytest.raises(ImproperlyConfigured, match="include"):
        draw('{% webex_space_widget "A" %}')


def test_the_connect_button_comes_back() -> None:
    source = "{% load webex_widgets %}{% webex_connect_button %}"
    request = RequestFactory().get("/page/?a=1")
    drawn = Template(source).render(RequestContext(request))
    assert 'href="/webex/connect/?next=%2Fpage%2F%3Fa%3D1"' in drawn
    assert 'href="/webex/connect/"' in Template(source).render(Context())


# The frame


def frame(client: Client, **extra: Any) -> Any:
    return client.get("/webex/frame/", {"w": SpaceWidget("A").signed()}, **extra)


def policy(response: Any) -> dict[str, list[str]]:
    return {
        name: sources
        for name, *sources in (
            part.split() for part in response["Content-Security-Policy"].split("; ")
        )
    }


def test_the_frame_is_the_same_for_everybody(
    client: Client, admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        anonymous = frame(client)
    assert anonymous.status_code == 200
    assert anonymous.content == frame(admin_client).content
    assert anonymous["X-Frame-Options"] == "SAMEORIGIN"
    assert not anonymous.cookies


def test_the_frame_s_policy(client: Client, db: None) -> None:
    sources = policy(frame(client))
    assert sources["default-src"] == ["'none'"]
    assert sources["frame-ancestors"] == ["'self'"]
    assert sources["script-src"] == ["'self'", "'wasm-unsafe-eval'", "https://code.s4d.io"]
    assert sources["style-src"] == ["'self'", "'unsafe-inline'", "https://code.s4d.io"]
    assert sources["font-src"] == ["'self'", "https://code.s4d.io"]
    assert {"'self'", "https://*.wbx2.com", "wss://*.wbx2.com", "https://webexapis.com"} <= set(
        sources["connect-src"]
    )


def test_the_policy_follows_the_settings(client: Client, db: None, settings: Settings) -> None:
    settings.WEBEX_WIDGETS = {
        **settings.WEBEX_WIDGETS,
        "API_BASE_URL": "http://127.0.0.1:8001/v1",
        "SPACE_WIDGET": {
            "SCRIPT": "webex/bundle.js",
            "STYLESHEET": "https://cdn.example/main.css",
            "SCRIPT_INTEGRITY": "sha384-abc",
        },
    }
    response = frame(client)
    sources = policy(response)
    assert "http://127.0.0.1:8001" in sources["connect-src"]
    assert sources["script-src"] == ["'self'", "'wasm-unsafe-eval'", "https://cdn.example"]
    tags = Elements(response.text).found
    (preload,) = (a for tag, a in tags if tag == "link" and a.get("as") == "script")
    assert preload["href"] == "/static/webex/bundle.js"
    assert preload["integrity"] == "sha384-abc"
    (body,) = (a for tag, a in tags if tag == "body")
    assert body["data-script-integrity"] == "sha384-abc"
    assert "data-stylesheet-integrity" not in body


def test_static_files_from_elsewhere(client: Client, db: None, settings: Settings) -> None:
    settings.STATIC_URL = "https://static.example/s/"
    assert "https://static.example" in policy(frame(client))["script-src"]
    assert "https://static.example" in policy(frame(client))["style-src"]


def test_the_frame_holds_no_inline_code(client: Client, db: None) -> None:
    for tag, attributes in Elements(frame(client).text).found:
        assert tag != "style"
        assert tag != "script" or attributes["src"]
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_a_forged_frame_has_a_policy_too(client: Client, db: None) -> None:
    response = client.get("/webex/frame/", {"w": "forged"})
    assert response.status_code == 400
    assert policy(response)["script-src"] == ["'self'", "'wasm-unsafe-eval'"]

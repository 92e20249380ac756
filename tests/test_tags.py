"""The template tags, and the frame that they point to."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature, Signer
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import Client, RequestFactory
from django.utils import translation
from pytest_django import DjangoAssertNumQueries, Settings

from webex_widgets.widgets import SALT, RecentsWidget, SpaceWidget, from_signed


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    """Speak what the settings say, whatever the last request spoke."""
    with translation.override("en-us"):
        yield


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
        ('"A" loading="later"', "loading is one of lazy, eager, click, not 'later'"),
        ('"A" height=1 height=2', "height is given twice"),
        ("", "takes the space's title"),
        ('"A" "B"', "the space's title is given twice"),
        ('"A" email="ada@example.com"', "or one of room_id, email, person_id and sip"),
        ('"A" guest="yes"', "guest is True or False, not 'yes'"),
        ('"A" activities="message,dance"', "one or more of files, meet, message, people"),
        ('"A" activities=""', "one or more of files"),
        ('"A" activities=7', "one or more of files"),
        ('"A" initial_activity="people"', "initial_activity is one of message, meet"),
        ('"A" log_level="loud"', "log_level is one of error, warn"),
        ('"A" activities="people,meet"', 'it opens with "message", which is not among'),
        ('"A" activities="message" initial_activity="meet"', 'it opens with "meet"'),
        ('"A" activities="message" start_call=True', 'start_call needs "meet"'),
        ('"A" activities="message" current_activity="people"', 'current_activity is "people"'),
        ('"A" send_on_return=False', "send_on_return=False needs submit_button=True"),
        ("title send_on_return=False height=x", "send_on_return=False needs submit_button=True"),
    ],
)
def test_mistakes_are_found_when_the_template_is_compiled(source: str, words: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=words):
        draw("{% webex_space_widget " + source + " %}")


@pytest.mark.parametrize("value", ["tall", -5, object(), '"><script>', True])
def test_a_variable_never_breaks_a_page(value: object, caplog: pytest.LogCaptureFixture) -> None:
    attributes = iframe(
        '{% webex_space_widget "A" height=value loading=value|default:"x" %}', value=value
    )
    assert (attributes["height"], attributes["loading"]) == ("600", "lazy")
    assert "webex_space_widget: height is a number of pixels" in caplog.text


def test_none_is_as_good_as_nothing(caplog: pytest.LogCaptureFixture) -> None:
    said = iframe('{% webex_space_widget "A" height=none guest=none id=none %}', none=None)
    assert said == iframe('{% webex_space_widget "A" %}')
    assert not caplog.records


def widget(source: str, **context: Any) -> SpaceWidget | RecentsWidget:
    """Return what a tag has signed."""
    return from_signed(parse_qs(urlsplit(str(iframe(source, **context)["src"])).query)["w"][0])


def test_options_that_contradict_each_other_leave_the_space(
    caplog: pytest.LogCaptureFixture,
) -> None:
    drawn = widget(
        '{% webex_space_widget "A" guest=yes activities=activities log_level="info" %}',
        yes=True,
        activities=["people"],
    )
    assert drawn == SpaceWidget(destination="A", guest=True, log_level="info", language="en-us")
    assert 'webex_space_widget: it opens with "message"' in caplog.text


def test_a_variable_does_not_lift_what_the_template_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    drawn = widget(
        '{% webex_space_widget "A" activities="message" attach_files=False '
        "initial_activity=first send_on_return=no submit_button=no %}",
        first="meet",
        no=False,
    )
    assert drawn == SpaceWidget(
        destination="A", activities="message", attach_files=False, language="en-us"
    )
    assert 'it opens with "meet"' in caplog.text
    assert "send_on_return=False needs submit_button=True" in caplog.text


def test_contradictions_that_no_variable_is_part_of() -> None:
    """And those of the template's own words that hide one which a variable may mend."""
    with pytest.raises(TemplateSyntaxError, match="start_call needs"):
        draw('{% webex_space_widget "A" activities="message" start_call=True log_level=level %}')
    source = (
        '{% webex_space_widget "A" activities="people" initial_activity=first '
        "send_on_return=False submit_button=False %}"
    )
    assert widget(source, first=None) == SpaceWidget(destination="A", language="en-us")


class Hostile:
    """Something that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("No!")

    __repr__ = __str__


def failing() -> Iterator[str]:
    """Yield something, and fail."""
    yield "message"
    raise RuntimeError("No!")


def test_values_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    drawn = widget(
        '{% webex_space_widget "A" activities=failing height=huge id=hostile title=hostile %}',
        failing=failing(),
        hostile=Hostile(),
        huge=10**5000,
    )
    assert drawn == SpaceWidget(destination="A", language="en-us")
    assert "title is something else, not a Hostile" in caplog.text
    assert "There is no Webex space here yet" in draw(
        "{% webex_space_widget hostile %}", hostile=Hostile()
    )


def test_half_a_letter() -> None:
    assert widget("{% webex_space_widget x %}", x="A\ud800") == SpaceWidget(
        destination="A?", language="en-us"
    )


def test_a_guest_is_let_in_by_nothing_but_true(caplog: pytest.LogCaptureFixture) -> None:
    drawn = widget('{% webex_space_widget "A" guest=yes %}', yes="False")
    assert drawn == SpaceWidget(destination="A", language="en-us")
    assert "guest is True or False, not 'False'" in caplog.text


@pytest.mark.parametrize("name", ["room_title", "room_id", "email", "person_id", "sip"])
def test_destinations(name: str) -> None:
    drawn = widget("{% webex_space_widget " + name + "=value %}", value=" a@b ")
    assert drawn == SpaceWidget(destination="a@b", destination_type=name, language="en-us")
    for nothing in (None, "", "  "):
        assert "There is no Webex space here yet" in draw(
            "{% webex_space_widget " + name + "=value %}", value=nothing
        )


def test_every_option_of_the_space() -> None:
    drawn = widget(
        '{% webex_space_widget "A" activities="message,meet" initial_activity="meet" '
        'current_activity="meet" start_call=True attach_files=False submit_button=True '
        'send_on_return=False full_width_activities=True log_level="debug" loading="click" %}'
    )
    assert drawn == SpaceWidget(
        destination="A",
        activities="meet,message",
        initial_activity="meet",
        current_activity="meet",
        start_call=True,
        attach_files=False,
        submit_button=True,
        send_on_return=False,
        full_width_activities=True,
        log_level="debug",
        on_click=True,
        language="en-us",
    )


def test_a_space_that_is_chosen_in_the_list() -> None:
    attributes = iframe('{% webex_space_widget id="talk" %}')
    assert (attributes["id"], attributes["title"]) == ("talk", "Webex space")
    assert widget('{% webex_space_widget id="talk" %}') == SpaceWidget(language="en-us")


def test_recents() -> None:
    attributes = iframe("{% webex_recents_widget height=700 %}")
    assert attributes["title"] == "Your Webex spaces"
    assert attributes["height"] == "700"
    drawn = widget(
        '{% webex_recents_widget opens="talk" basic_mode=True add_button=True filter=False '
        'profile=True profile_menu=True space_count=50 log_level="error" %}'
    )
    assert drawn == RecentsWidget(
        opens="talk",
        basic_mode=True,
        add_button=True,
        filter=False,
        profile=True,
        profile_menu=True,
        space_count=50,
        log_level="error",
        language="en-us",
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('"A"', "takes options alone, as in height=600, not "),
        ("room_id=1", "has no option room_id. Its options are height, .*opens"),
        ("space_count=0", "space_count is a number from 1 to 9999, not 0"),
        ("profile=False profile_menu=True", "profile_menu=True needs the profile"),
    ],
)
def test_mistakes_of_recents(source: str, words: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=words):
        draw("{% webex_recents_widget " + source + " %}")


def test_contradictions_of_recents_leave_what_it_opens(caplog: pytest.LogCaptureFixture) -> None:
    drawn = widget('{% webex_recents_widget opens="talk" profile=no profile_menu=True %}', no=False)
    assert drawn == RecentsWidget(opens="talk", profile_menu=True, language="en-us")
    assert "webex_recents_widget: profile_menu=True needs the profile" in caplog.text


def test_the_frame_speaks_the_page_s_language() -> None:
    with translation.override("de"):
        assert widget('{% webex_space_widget "A" %}').language == "de"
    with translation.override(None):
        assert widget('{% webex_space_widget "A" %}').language == "en-us"


@pytest.mark.parametrize("said", [{}, {"widget": "other"}, {"widget": "space", "x": 1}, [], 7])
def test_an_address_of_another_version(said: Any) -> None:
    with pytest.raises(BadSignature):
        from_signed(Signer(salt=SALT).sign_object(said))


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
    return client.get("/webex/frame/", {"w": SpaceWidget(destination="A").signed()}, **extra)


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

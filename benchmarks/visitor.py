"""What a widget costs the visitor of a page, measured in a real Chromium.

Two pairs of pages of the browser tests' site are opened in turn, in one run of one Chromium:

- Cisco's own snippet, with a ready token and room id pasted into it, and a page with the template
  tag: from opening the page to the space's title. Webex's REST API, which the site asks about the
  room, takes 200 ms for each answer, and no room is remembered.
- a long page, and the same page with the tag far below the fold: until the load event is over, and
  the longest task of the main thread until two seconds later. Nothing of this app may be asked for
  before the frame is scrolled to.

Both pages of a pair come from the same server, with the bundle and the caching headers that a
site with hashed names of static files has; those of the load event with nothing in the cache, in a
Chromium that nobody drives. The exit status is 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import statistics
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps, loads
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import django
from tqdm import tqdm

if TYPE_CHECKING:
    from django.http import FileResponse, HttpRequest, HttpResponse
    from playwright.sync_api import Browser, BrowserContext, BrowserType, CDPSession, Page

    from tests.browser.cloud import Cloud
    from tests.browser.webex_api import WebexApi

T = TypeVar("T")

PAIRS: Final = 15
FEWEST_PAIRS: Final = 3
WARM_UP: Final = 3
"""Rounds that do not count. Chromium keeps the compiled script from the second load on."""
LOADS: Final = 8
"""Pairs of load events for each pair of titles."""
LATENCY: Final = 0.2
SETTLED: Final = 2000
"""Milliseconds after the load event in which a long task still counts."""
TITLE_GOAL: Final = 1.15
LOAD_GOAL: Final = 1.05
PATIENCE: Final = 60_000
"""Milliseconds after which something that should happen counts as not happening."""
LAPS_PATIENCE: Final = 600
"""Seconds after which a Chromium that nobody drives counts as stuck."""
CACHE_SIZE: Final = 2**29
"""Bytes of Chromium's cache on disk; a single file may take an eighth."""
SPACE: Final = "Project Unicorn"

SNIPPET: Final = """{{% load static %}}<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>A page of the site</title>
<link rel="stylesheet" href="{{% static 'site/site.css' %}}">
<link rel="stylesheet" href="{{% static 'webex/widget-space/main.css' %}}">
<script src="{{% static 'webex/widget-space/bundle.js' %}}"></script>
</head>
<body>
<h1 class="title">A page of the site</h1>
<p>The site's own words.</p>
<div id="my-webex-widget" style="width: 100%; height: 600px"></div>
<script>
  var widgetEl = document.getElementById("my-webex-widget");
  webex.widget(widgetEl).spaceWidget({{
    accessToken: "{token}",
    destinationId: "{room}",
    destinationType: "spaceId"
  }});
</script>
</body>
</html>
"""
"""Cisco's documented way, with a token and a room id pasted into it."""

LONG: Final = """{% load static webex_widgets %}<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>A long page of the site</title>
<link rel="stylesheet" href="{% static 'admin/css/base.css' %}">
<link rel="stylesheet" href="{% static 'site/site.css' %}">
<script defer src="{% static 'admin/js/vendor/jquery/jquery.js' %}"></script>
</head>
<body>
<h1>A long page of the site</h1>
<ol id="contents"></ol>
<img src="{% static 'webex/widget-space/logo.png' %}" alt="">
<img src="{% static 'webex/widget-space/flags.png' %}" alt="">
<img src="{% static 'webex/widget-space/flags@2x.png' %}" alt="">
{% for chapter in "1234567890" %}<h2>Chapter {{ chapter }}</h2>
{% lorem 40 p %}
{% endfor %}
[widget]
<script>
addEventListener("DOMContentLoaded", () => {
  for (const heading of jQuery("h2")) {
    jQuery("<li>").text(heading.textContent).appendTo("#contents");
  }
});
// Tells the starter when the load event was over, and goes where the next lap begins.
const starter = new URLSearchParams(location.search).get("starter");
if (starter) {
  addEventListener("load", () => setTimeout(async () => {
    const [navigation] = performance.getEntriesByType("navigation");
    const answer = await fetch(`${starter}?at=${navigation.loadEventEnd}`);
    location.replace(await answer.text());
  }, 100));
}
</script>
</body>
</html>
"""
"""A page of many screens, with stylesheets, a script and pictures."""

TAG: Final = f'{{% webex_space_widget "{SPACE}" %}}'

SAY_TITLE: Final = f"""
new MutationObserver((_changes, observer) => {{
  const title = document.querySelector(".webex-title-bar-wrapper");
  if (title?.textContent.includes("{SPACE}")) {{
    observer.disconnect();
    const now = performance.timeOrigin + performance.now();
    const files = performance.getEntriesByType("resource");
    console.debug("Benchmark: " + JSON.stringify({{
      at: now - window.top.performance.timeOrigin,
      // A preloaded file is listed twice.
      bytes: Math.max(...files.filter(({{ name }}) => name.endsWith("/bundle.js"))
        .map(({{ transferSize }}) => transferSize)),
    }}));
  }}
}}).observe(document, {{ characterData: true, childList: true, subtree: true }});
"""
"""Tells when the title is there, in milliseconds from the opening of the page around it, and how
much of the bundle came over the wire."""

SAY_SETTLED: Final = f"""
if (window === window.top) {{
  addEventListener("load", () => setTimeout(() => {{
    performance.mark("benchmark-end");
    console.debug("Benchmark: " + JSON.stringify({{ now: performance.now() }}));
  }}, {SETTLED}));
}}
"""
"""Marks when the page has settled, and tells at how many milliseconds that was."""


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class BenchmarkError(Exception):
    """Nothing can be measured: something has to be installed, or a page went another way."""


class Paused:
    """A request that Chromium holds back, in the shape of Playwright's ``Route``.

    Playwright's own routes would switch off the browser's cache, and send each of the site's
    requests a long way round.
    """

    def __init__(self, session: CDPSession, event: Mapping[str, Any]) -> None:
        self._session = session
        self._id = event["requestId"]
        sent = event["request"]
        self.request = SimpleNamespace(
            url=sent["url"],
            method=sent["method"],
            headers={name.lower(): value for name, value in sent["headers"].items()},
        )

    def fulfill(
        self,
        *,
        headers: Mapping[str, str],
        status: int = HTTPStatus.OK,
        json: object = None,
        path: Path | None = None,
    ) -> None:
        """Answer with a JSON body, or with a file's."""
        if path:
            self._answer(status, headers, path.read_bytes())
        else:
            content = {**headers, "Content-Type": "application/json"}
            self._answer(status, content, dumps(json).encode())

    def allow(self) -> None:
        """Answer a preflight."""
        asked = self.request.headers
        self._answer(
            HTTPStatus.NO_CONTENT,
            {
                "Access-Control-Allow-Origin": asked.get("origin", "*"),
                "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
                "Access-Control-Allow-Headers": asked.get("access-control-request-headers", "*"),
            },
            b"",
        )

    def abort(self) -> None:
        """Let the request fail."""
        self._send("Fetch.failRequest", errorReason="AddressUnreachable")

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._send(
            "Fetch.fulfillRequest",
            responseCode=int(status),
            responseHeaders=[{"name": key, "value": value} for key, value in headers.items()],
            body=b64encode(body).decode(),
        )

    def _send(self, method: str, **parameters: object) -> None:
        from playwright.sync_api import Error

        with suppress(Error):  # the page has been closed meanwhile
            self._session.send(method, {"requestId": self._id, **parameters})


class Tab(AbstractContextManager["Tab"]):
    """One page, for which ``cloud`` stands in for Webex, in the shape of Playwright's context."""

    def __init__(self, context: BrowserContext, cloud: Cloud) -> None:
        self.page: Page = context.new_page()
        self._session = context.new_cdp_session(self.page)
        cloud.route(cast("BrowserContext", self))

    def route(self, _pattern: object, handler: Callable[[Any], None]) -> None:
        """Have ``handler`` answer what leaves the site, and nothing else."""

        def paused(event: dict[str, Any]) -> None:
            route = Paused(self._session, event)
            if route.request.method == "OPTIONS":
                route.allow()
            else:
                handler(route)

        self._session.on("Fetch.requestPaused", paused)
        self._session.send("Fetch.enable", {"patterns": [{"urlPattern": "https://*"}]})

    def route_web_socket(self, pattern: Any, handler: Any) -> None:
        """Have ``handler`` be the other end of the page's WebSockets."""
        self.page.route_web_socket(pattern, handler)

    def __exit__(self, *_error: object) -> None:
        self.page.close()

    def told(self, address: str) -> dict[str, float]:
        """Open a page and return what it tells."""
        with self.page.expect_console_message(
            lambda message: message.text.startswith("Benchmark: "), timeout=PATIENCE
        ) as message:
            self.page.goto(address, wait_until="commit")
        told: dict[str, float] = loads(message.value.text.removeprefix("Benchmark: "))
        return told


@dataclass
class Bench:
    """A site with a visitor who is connected, and the browser in which they look at it."""

    chromium: BrowserType
    executable: str
    arguments: list[str]
    browser: Browser
    api: WebexApi
    bundle: Path
    origin: str
    session: str

    def context(self, script: str) -> BrowserContext:
        """Return an empty browser profile in which the visitor is signed in."""
        context = self.browser.new_context(locale="en-US")
        self.prepare(context, script)
        return context

    def prepare(self, context: BrowserContext, script: str) -> None:
        """Sign the visitor in, and have each page run ``script`` first."""
        from django.conf import settings

        context.set_default_timeout(PATIENCE)
        context.add_init_script(script)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": self.session, "url": self.origin}])

    def tab(self, context: BrowserContext) -> Tab:
        """Return a new page."""
        from tests.browser.cloud import Cloud

        return Tab(context, Cloud(self.api, self.bundle))

    def title(self, name: str, context: BrowserContext) -> dict[str, float]:
        """Return when a page shows the title."""
        from django.core.cache import cache

        cache.clear()
        with self.tab(context) as tab:
            return tab.told(f"{self.origin}/pages/{name}/")

    def first_title(self, name: str) -> float:
        """Return when a page shows the title to a browser that has nothing in its cache."""
        with self.context(SAY_TITLE) as context:
            return self.title(name, context)["at"]

    @contextmanager
    def regular(self, folder: Path) -> Iterator[Callable[[str], float]]:
        """Yield what measures the title in a browser that has the bundle in its cache.

        That is one with a profile in ``folder``: a cache in memory takes no file of this size.
        """
        with self.chromium.launch_persistent_context(
            folder, executable_path=self.executable, args=self.arguments, locale="en-US"
        ) as context:
            self.prepare(context, SAY_TITLE)

            def title(name: str) -> float:
                return self.title(name, context)["at"]

            title("snippet")
            if self.title("snippet", context)["bytes"]:
                raise BenchmarkError("Chromium does not keep the bundle in its cache.")
            yield title

    def loads(self, folder: Path, names: tuple[str, str], pairs: int, bar: Any) -> list[Any]:
        """Return when two pages' load events are over, in turn, with nothing in the cache.

        Nobody drives this Chromium: the pages tell by themselves, and lead from one to the next.
        What drives one looks into each frame, which makes a frame dearer than it is.
        """
        laps = Laps(self.origin, names, WARM_UP + pairs, bar)
        arguments = ["--headless=new", *self.arguments, f"--user-data-dir={folder}", laps.begin()]
        with laps, Popen([self.executable, *arguments], stderr=DEVNULL) as chromium:  # noqa: S603
            over = laps.over.wait(LAPS_PATIENCE)
            chromium.terminate()
            laps.shutdown()
        if not over:
            raise BenchmarkError("Chromium did not come to the end of its laps.")
        return laps.pairs[WARM_UP:]

    def task(self, name: str) -> float:
        """Return how long a page's longest task is, and see that no frame was asked for."""
        asked: list[str] = []
        with self.context(SAY_SETTLED) as context, self.tab(context) as tab:
            context.on("request", lambda request: asked.append(request.url))
            self.browser.start_tracing(
                page=tab.page,
                categories=["blink.user_timing", "disabled-by-default-devtools.timeline"],
            )
            settled = tab.told(f"{self.origin}/pages/{name}/")
            events = loads(self.browser.stop_tracing())["traceEvents"]
            if any(url.startswith(f"{self.origin}/webex/") for url in asked):
                raise BenchmarkError("A frame was asked for before it was scrolled to.")
            if name == "long-tag":
                # So that the sentence above could have come true.
                with tab.page.expect_request(f"{self.origin}/webex/**"):
                    tab.page.locator("iframe").scroll_into_view_if_needed()
        return longest_task(events, settled["now"])


class Laps(ThreadingHTTPServer):
    """Says to each page which one is next, and keeps what it tells of itself.

    Each pair is opened the one first and then the other: ABBA.
    """

    def __init__(self, origin: str, names: tuple[str, str], pairs: int, bar: Any) -> None:
        super().__init__(("127.0.0.1", 0), Lap)
        self.origin = origin
        self.pairs: list[Any] = []
        self.over = threading.Event()
        self._bar = bar
        self._names = names
        self._left = [
            name for number in range(pairs) for name in (names if number % 2 else names[::-1])
        ]
        self._times: dict[str, float] = {}
        self._current = ""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def begin(self) -> str:
        """Return the address of the first page."""
        return self._address(self._left.pop(0))

    def next(self, at: float) -> str:
        """Keep when the present page was loaded; return the address of the next one."""
        self._bar.update()
        self._times[self._current] = at
        if len(self._times) == len(self._names):
            self.pairs.append(tuple(self._times[name] for name in self._names))
            self._times = {}
        if self._left:
            return self._address(self._left.pop(0))
        self.over.set()
        return "about:blank"

    def _address(self, name: str) -> str:
        self._current = name
        return f"{self.origin}/pages/{name}/?starter=http://127.0.0.1:{self.server_port}/"


class Lap(BaseHTTPRequestHandler):
    """One page's question."""

    server: Laps

    def do_GET(self) -> None:
        """Answer with an address."""
        at = float(parse_qs(urlsplit(self.path).query)["at"][0])
        content = self.server.next(at).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Be quiet."""


def longest_task(events: list[dict[str, Any]], period: float) -> float:
    """Return the milliseconds of the page's longest task, from its opening to its mark.

    The mark was made after ``period`` milliseconds. What counts is the thread's own time on a
    processor, so that other work on the same computer does not.
    """
    [end] = [event for event in events if event["name"] == "benchmark-end"]
    durations: list[float] = [
        event["tdur"] / 1000
        for event in events
        if event["name"] == "RunTask"
        and event["ph"] == "X"
        and (event["pid"], event["tid"]) == (end["pid"], end["tid"])
        and event["ts"] + event["dur"] > end["ts"] - period * 1000
        and event["ts"] < end["ts"]
    ]
    return max(durations)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """Set up the site, its visitor and the browser; ``folder`` is for files."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.http import FileResponse
    from django.test import Client
    from playwright.sync_api import sync_playwright

    from tests.browser import webex_api
    from tests.browser.conftest import ARGUMENTS, BUNDLE, HERE, STATIC, connect
    from tests.browser.site import server

    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not executable:
        raise BenchmarkError("Install Chromium, or set CHROMIUM to its path.")
    if not (BUNDLE / "bundle.js").is_file():
        raise BenchmarkError(
            "Get Cisco's bundle: run example_project/manage.py vendor_webex_widgets "
            "example_project/static/webex."
        )

    class Files(server.Files):
        def serve(self, request: HttpRequest) -> HttpResponse | FileResponse:
            response = super().serve(request)
            if isinstance(response, FileResponse):
                response.block_size = 2**20  # Django's own is 4 KiB; real servers are faster
            lap = "starter=" in request.headers.get("Referer", "")
            response["Cache-Control"] = "no-store" if lap else "max-age=31536000, immutable"
            return response

    call_command("migrate", verbosity=0)
    user = get_user_model().objects.create_user("ada")
    client = Client()
    client.force_login(user)
    with ExitStack() as stack:
        api = stack.enter_context(webex_api.running())
        connect(user, api)
        answer = api.answer

        def slowly(request: webex_api.Request) -> webex_api.Answer:
            time.sleep(LATENCY)
            return answer(request)

        stack.enter_context(patch.object(api, "answer", slowly))
        stack.enter_context(patch.object(server, "Files", Files))
        pages = {
            "snippet": SNIPPET.format(token=api.access_tokens[0], room=api.spaces[0].id),
            "tag": '{% extends "base.html" %}{% load webex_widgets %}'
            f"{{% block content %}}{TAG}{{% endblock %}}",
            "long": LONG.replace("[widget]", ""),
            "long-tag": LONG.replace("[widget]", TAG),
        }
        for name, text in pages.items():
            (folder / f"{name}.html").write_text(text)
        settings.ROOT_URLCONF = "tests.browser.site.urls"
        settings.STATICFILES_DIRS = [HERE / "site" / "static", STATIC]
        settings.TEMPLATES = [
            {**settings.TEMPLATES[0], "DIRS": [folder, HERE / "site" / "templates"]}
        ]
        settings.WEBEX_WIDGETS = {
            "CLIENT_ID": webex_api.CLIENT_ID,
            "CLIENT_SECRET": webex_api.CLIENT_SECRET,
            "API_BASE_URL": api.url,
            "SPACE_WIDGET": {
                "SCRIPT": "webex/widget-space/bundle.js",
                "STYLESHEET": "webex/widget-space/main.css",
            },
        }
        origin = stack.enter_context(server.running())
        playwright = stack.enter_context(sync_playwright())
        arguments = [*ARGUMENTS, f"--disk-cache-size={CACHE_SIZE}"]
        yield Bench(
            playwright.chromium,
            executable,
            arguments,
            stack.enter_context(
                playwright.chromium.launch(executable_path=executable, args=arguments)
            ),
            api,
            BUNDLE,
            origin,
            client.cookies[settings.SESSION_COOKIE_NAME].value,
        )


@dataclass
class Row:
    """What two pages took, pair by pair, in milliseconds."""

    name: str
    goal: float
    pairs: list[tuple[float, float]]

    @property
    def ratio(self) -> float:
        """How many times as long the second page takes, with two decimals as printed."""
        first, second = (statistics.median(times) for times in zip(*self.pairs, strict=True))
        ratio: float = second / first
        return round(ratio, 2)

    @property
    def good(self) -> bool:
        """Whether the goal is met."""
        return self.ratio <= self.goal

    def cells(self) -> list[str]:
        """Return the row as texts."""
        columns = [*zip(*self.pairs, strict=True), [second / first for first, second in self.pairs]]
        low, middle, high = zip(
            *(statistics.quantiles(column, n=4, method="inclusive") for column in columns),
            strict=True,
        )
        return [
            self.name,
            f"{middle[0]:.0f} ({low[0]:.0f}-{high[0]:.0f})",
            f"{middle[1]:.0f} ({low[1]:.0f}-{high[1]:.0f})",
            f"{self.ratio:.2f}",
            f"{low[2]:.2f}-{high[2]:.2f}",
            f"{self.goal:.2f}",
            f"{len(self.pairs)}",
        ]


HEAD: Final = ["milliseconds", "without tag", "with tag", "ratio", "by pair", "goal", "pairs"]
WIDTHS: Final = [32, 18, 18, 6, 10, 5, 5]


def line(cells: list[str]) -> str:
    """Return a line of the table."""
    name, *numbers = zip(cells, WIDTHS, strict=True)
    return name[0].ljust(name[1]) + "".join(f" {text:>{width}}" for text, width in numbers)


def in_turn(
    pairs: int, warm_up: int, names: tuple[str, str], work: Callable[[str], T], bar: Any
) -> list[tuple[T, T]]:
    """Do ``work`` for both names, pair by pair, the one first and then the other: ABBA."""
    done: list[tuple[T, T]] = []
    for number in range(-warm_up, pairs):
        order = names if number % 2 else names[::-1]
        results = {}
        for name in order:
            results[name] = work(name)
            bar.update()
        if number >= 0:
            done.append((results[names[0]], results[names[1]]))
    return done


def measure(bench: Bench, folder: Path, pairs: int) -> list[Row]:
    """Return the rows of the table."""
    rounds = [(1, pairs), (WARM_UP, pairs), (WARM_UP, LOADS * pairs), (1, 2 * pairs)]
    total = sum(2 * (warm_up + count) for warm_up, count in rounds)
    with tqdm(total=total, unit="page", disable=None, leave=False) as bar:
        title, long = ("snippet", "tag"), ("long", "long-tag")
        cold = in_turn(pairs, 1, title, bench.first_title, bar)
        with bench.regular(folder / "profile") as regular_title:
            warm = in_turn(pairs, WARM_UP, title, regular_title, bar)
        load_events = bench.loads(folder / "laps", long, LOADS * pairs, bar)
        tasks = in_turn(2 * pairs, 1, long, bench.task, bar)
    return [
        Row("title, browser's cache empty", TITLE_GOAL, cold),
        Row("title, bundle in browser's cache", TITLE_GOAL, warm),
        Row("page's load event", LOAD_GOAL, load_events),
        Row("page's longest task", LOAD_GOAL, tasks),
    ]


def number_of_pairs(text: str) -> int:
    """Return what ``--pairs`` says."""
    pairs = int(text)
    if pairs < FEWEST_PAIRS:
        raise argparse.ArgumentTypeError(f"{FEWEST_PAIRS} pairs are the least")
    return pairs


def main() -> int:
    """Measure, print a table, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.visitor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--pairs",
        type=number_of_pairs,
        default=PAIRS,
        metavar="N",
        help=f"how often to open each page for its title, and {LOADS} times that for its load "
        f"({PAIRS})",
    )
    options = parser.parse_args()
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'site.sqlite3'}"
        django.setup()
        # A page that is closed too early for the server is no news here.
        logging.getLogger("django.server").setLevel(logging.CRITICAL)
        try:
            with bench(folder) as site:
                rows = measure(site, folder, options.pairs)
        except BenchmarkError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    for cells in [HEAD, *(row.cells() for row in rows)]:
        say(line(cells))
    say("Medians, with the quartiles in brackets; the ratio is that of the medians.")
    for row in rows:
        if not row.good:
            say(f"Missed: {row.name} is {row.ratio:.2f} times as late or long, not {row.goal:.2f}.")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""A new site, made out of the built wheel and README.md, and a visitor to it."""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import requests

from ..browser.webex_api import CLIENT_ID, CLIENT_SECRET, WebexApi
from . import readme

PROJECT = Path(__file__).parents[2]
PASSWORD = "correct horse battery staple"
PEOPLE = ("journey@site.example", "states@site.example", "browser@site.example")
"""One for each test that signs in."""

CREATE_PEOPLE = f"""
from people.models import Person
for email in {PEOPLE}:
    Person.objects.create_superuser(email, {PASSWORD!r})
"""


def run(
    *command: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed; where it does not, the failure shows what it said."""
    result = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result


@dataclass(frozen=True)
class Distribution:
    """What is published, and the package's files that it was built from."""

    sdist: Path
    wheel: Path
    package: list[str]


def build(directory: Path) -> Distribution:
    """Build the sdist, and the wheel out of it, from all files that git knows or would take."""
    source, target = directory / "source", directory / "target"
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=PROJECT)
    names = [name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()]
    for name in names:
        copy = source / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, copy)
    run(sys.executable, "-m", "build", "--outdir", target, cwd=source)
    [sdist], [wheel] = target.glob("*.tar.gz"), target.glob("*.whl")
    return Distribution(sdist, wheel, [name for name in names if name.startswith("webex_widgets/")])


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Poll until it is so; fail after a while."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what} took more than {seconds:.0f} seconds"
        time.sleep(0.05)


class NewSite:
    """A project that ``startproject`` made, in a virtual environment of its own."""

    def __init__(self, directory: Path, wheel: Path, webex: WebexApi) -> None:
        self.directory = directory / "mysite"
        self.venv = directory / "venv"
        self.python = self.venv / ("Scripts" if os.name == "nt" else "bin") / "python"
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "server.log"
        constraints = directory / "constraints.txt"
        constraints.write_text(
            f"Django=={django.__version__}\ndjango-webex-widgets @ {wheel.as_uri()}\n"
        )
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DJANGO_", "PYTHON", "COV_CORE_"))
        } | {"PIP_CONSTRAINT": str(constraints), "PYTHONIOENCODING": "utf-8"}
        self.webex = webex
        self._make()

    def _make(self) -> None:
        """Make the site that its owner had before reading README.md."""
        run(sys.executable, "-m", "venv", self.venv, cwd=self.venv.parent)
        self.run("-m", "pip", "install", "Django", cwd=self.venv.parent)
        self.run("-m", "django", "startproject", "mysite", cwd=self.venv.parent)
        shutil.copytree(Path(__file__).parent / "people", self.directory / "people")
        self.append(
            "settings.py", 'INSTALLED_APPS += ["people"]\nAUTH_USER_MODEL = "people.Person"'
        )
        self.append(
            "urls.py",
            "from django.views.generic import TemplateView\n"
            'page = TemplateView.as_view(template_name="unicorn.html")\n'
            'urlpatterns += [path("unicorn/", page)]',
        )
        self.manage("makemigrations", "people")

    def follow_readme(self) -> None:
        """Do what README.md says, up to ``runserver``."""
        credentials = iter((CLIENT_ID, CLIENT_SECRET))
        commands = readme.commands()
        for command in commands[: commands.index("python manage.py migrate")]:
            words = shlex.split(command)
            if words[0] == "export":
                self.env[words[1].removesuffix("=…")] = next(credentials)
            else:
                assert words[0] == "python", command
                self.run(*words[1:])
        for snippet in readme.snippets():
            self.append(snippet.file, snippet.text)
        self.append("settings.py", f'WEBEX_WIDGETS["API_BASE_URL"] = "{self.webex.url}"')
        *rest, runserver = commands[commands.index("python manage.py migrate") :]
        for command in rest:
            self.run(*shlex.split(command)[1:])
        assert runserver == "python manage.py runserver"
        self.manage("shell", "-c", CREATE_PEOPLE)

    def append(self, name: str, text: str) -> None:
        """Add to the end of the site's one file of that name."""
        [path] = self.directory.rglob(name)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the site's Python, which must succeed."""
        return run(self.python, *arguments, cwd=cwd or self.directory, env=self.env)

    def manage(self, *arguments: str) -> str:
        """Run a management command, with warnings as errors; return what it said."""
        return self.run("-W", "error", "manage.py", *arguments).stdout

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve the site by a process of its own."""
        command = ["-W", "error", "manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}"]
        with (
            self.log.open("wb") as log,
            subprocess.Popen(
                [self.python, *command], cwd=self.directory, env=self.env, stdout=log, stderr=log
            ) as process,
        ):

            def answers() -> bool:
                assert process.poll() is None, self.log.read_text()
                with socket.socket() as client:
                    return client.connect_ex(("127.0.0.1", self.port)) == 0

            try:
                wait_until(answers, "starting the server")
                yield
            finally:
                process.terminate()


class Visitor:
    """Somebody with a browser that knows forms and cookies and nothing else."""

    def __init__(self, site: NewSite) -> None:
        self.url = site.url
        self.http = requests.Session()
        self.http.trust_env = False

    def get(self, path: str) -> requests.Response:
        """Open a page, which must be there."""
        response = self.http.get(self.url + path, timeout=30)
        assert response.status_code == 200, f"{response.url}: {response.text[:3000]}"
        return response

    def submit(self, path: str, **fields: str) -> requests.Response:
        """Open a page, and send its form; return the page in the end."""
        page = self.get(path)
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        data = {name: html.unescape(value) for name, value in hidden} | fields
        response = self.http.post(page.url, data, headers={"Referer": page.url}, timeout=30)
        assert response.status_code == 200, f"{response.url}: {response.text[:3000]}"
        return response

    def sign_in(self, email: str) -> None:
        """Sign in by the site's sign-in page."""
        self.submit("/admin/login/", username=email, password=PASSWORD)

    def connect(self) -> requests.Response:
        """Press the button of the frame, then the one of the page that it leads to."""
        return self.submit(self.session()["action"]["url"])

    def session(self) -> dict[str, Any]:
        """Return what the frame on the page is told."""
        [source] = re.findall(r'<iframe src="([^"]+)"', self.get("/unicorn/").text)
        [address] = re.findall(r'data-session="([^"]+)"', self.get(html.unescape(source)).text)
        answer: dict[str, Any] = self.get(f"{html.unescape(address)}&next=/unicorn/").json()
        return answer

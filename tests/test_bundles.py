"""Cisco's widgets out of npm's archives, with an ``npm`` that only copies an archive."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha512
from pathlib import Path

import pytest

from webex_widgets import bundles
from webex_widgets.bundles import BUNDLES, Bundle, BundleError


def archive(names: dict[str, bytes]) -> bytes:
    """Return an archive as npm makes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mtime = 499162500
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


GOOD = {
    "package/package.json": b"{}",
    "package/index.js": b"",
    "package/dist/bundle.js": b"widget();",
    "package/dist/bundle.js.map": b"{}",
    "package/dist/index.html": b"<input placeholder='access token'>",
    "package/dist/main.css": b"p {}",
    "package/dist/fonts/icons.woff": b"font",
}


class Npm:
    """The only program on PATH, and the bundles that it can fetch."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.monkeypatch = monkeypatch
        (directory / "bin").mkdir()
        monkeypatch.setenv("PATH", str(directory / "bin"))

    def runs(self, body: str) -> None:
        """Let ``npm`` be this Python code."""
        npm = self.directory / "bin" / "npm"
        npm.write_text(f"#!{sys.executable}\nimport os, pathlib, sys\n{body}\n", encoding="utf-8")
        npm.chmod(0o755)

    def packs(self, content: bytes, *, expected: str | None = None) -> None:
        """Let ``npm`` write this archive, whatever it is asked for, and let it be expected."""
        (self.directory / "package.tgz").write_bytes(content)
        self.runs(
            f"content = pathlib.Path({str(self.directory / 'package.tgz')!r}).read_bytes()\n"
            "pathlib.Path('webex-widget.tgz').write_bytes(content)\n"
            f"with open({str(self.directory / 'calls')!r}, 'a') as calls:\n"
            "    calls.write(' '.join(sys.argv[1:]) + '\\n')"
        )
        integrity = expected or f"sha512-{b64encode(sha512(content).digest()).decode()}"
        for name, bundle in BUNDLES.items():
            self.monkeypatch.setitem(BUNDLES, name, replace(bundle, integrity=integrity))

    def calls(self) -> list[str]:
        """Return what was asked for."""
        file = self.directory / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """Return an ``npm`` that packs a good archive."""
    npm = Npm(tmp_path, monkeypatch)
    npm.packs(archive(GOOD))
    return npm


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "static" / "webex" / "widget-space"


@pytest.fixture
def said() -> list[str]:
    return []


def fetch(target: Path, said: list[str] | None = None) -> None:
    bundles.fetch(BUNDLES["space"], target, ([] if said is None else said).append)


def files(directory: Path) -> set[str]:
    return {
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    }


def leftovers(target: Path) -> list[str]:
    return [path.name for path in target.parent.iterdir() if path != target]


def test_the_versions_and_their_checksums() -> None:
    assert [str(bundle) for bundle in BUNDLES.values()] == [
        "@webex/widget-space 0.45.0",
        "@webex/widget-recents 0.44.0",
    ]
    for bundle in BUNDLES.values():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", bundle.integrity)
        assert bundle.package == f"@webex/{bundle.folder}"


def test_the_whole_distribution_is_unpacked(npm: Npm, target: Path, said: list[str]) -> None:
    fetch(target, said)

    assert files(target) == {
        ".fetched.json",
        "bundle.js",
        "bundle.js.map",
        "main.css",
        "fonts/icons.woff",
    }
    assert (target / "bundle.js").read_bytes() == b"widget();"
    assert (target / "bundle.js").stat().st_mtime > 1_700_000_000
    assert npm.calls()[0].startswith("pack @webex/widget-space@0.45.0 ")
    assert leftovers(target) == []
    assert said == ["Fetching @webex/widget-space 0.45.0 with npm (up to 11 MB, only once) …"]
    assert bundles.is_intact(BUNDLES["space"], target)
    assert not bundles.is_intact(BUNDLES["recents"], target)


@pytest.mark.parametrize("damage", ["changed", "missing", "more", "version", "stamp", "bytes"])
def test_what_is_not_intact_is_replaced(npm: Npm, target: Path, damage: str) -> None:
    fetch(target)
    stamp = target / ".fetched.json"
    if damage == "changed":
        (target / "bundle.js").write_bytes(b"widget(!;")
    elif damage == "missing":
        (target / "main.css").unlink()
    elif damage == "more":
        (target / "more.js").touch()
    elif damage == "version":
        stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"version": "0.1.0"}))
    elif damage == "stamp":
        stamp.write_text("{")
    else:
        stamp.write_bytes(b"\xff")
    assert not bundles.is_intact(BUNDLES["space"], target)

    fetch(target)

    assert bundles.is_intact(BUNDLES["space"], target)
    assert not (target / "more.js").exists()
    assert leftovers(target) == []


def test_a_file_manager_s_notes_do_no_harm(npm: Npm, target: Path) -> None:
    fetch(target)
    (target / ".DS_Store").touch()
    assert bundles.is_intact(BUNDLES["space"], target)


def test_an_empty_directory_is_taken(npm: Npm, target: Path) -> None:
    target.mkdir(parents=True)
    fetch(target)
    assert bundles.is_intact(BUNDLES["space"], target)


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_other_people_s_files_are_not_replaced(npm: Npm, target: Path, kind: str) -> None:
    mine = target / "mine.js" if kind == "directory" else target
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(BundleError, match="was not fetched by this command: move it away"):
        fetch(target)
    assert mine.read_text() == "mine"
    assert npm.calls() == []


def test_another_archive_is_refused(npm: Npm, target: Path) -> None:
    npm.packs(archive(GOOD), expected="sha512-something-else")
    with pytest.raises(BundleError, match="its checksum differs"):
        fetch(target)
    assert not target.exists()
    assert leftovers(target) == []


def test_without_npm(npm: Npm, target: Path) -> None:
    (npm.directory / "bin" / "npm").unlink()
    with pytest.raises(BundleError, match="npm is not installed"):
        fetch(target)


def test_a_failing_npm_is_one_sentence_and_changes_nothing(npm: Npm, target: Path) -> None:
    fetch(target)
    (target / "main.css").unlink()
    npm.runs("sys.exit('npm error network: no such host.\\nnpm error more')")

    with pytest.raises(BundleError) as raised:
        fetch(target)

    assert str(raised.value) == (
        "npm could not fetch @webex/widget-space 0.45.0: npm error network: no such host. Check "
        "the network and npm's settings; “npm pack @webex/widget-space@0.45.0” tells more."
    )
    assert (target / "bundle.js").exists()
    assert leftovers(target) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit(7)", "exit status 7"),
        ("pass", "exit status 0"),
        ("for n in '12': pathlib.Path(n + '.tgz').touch()", "exit status 0"),
    ],
)
def test_an_npm_that_says_nothing(npm: Npm, target: Path, body: str, reason: str) -> None:
    npm.runs(body)
    with pytest.raises(BundleError, match=reason):
        fetch(target)


@pytest.mark.parametrize(
    "content",
    [
        archive({**GOOD, "package/dist/../../../../evil": b"!"}),
        archive({"package/dist/main.css": b""}),
        archive({"package/dist/bundle.js": b""}),
        archive({}),
        b"no archive",
    ],
    ids=["out of the directory", "no script", "no stylesheet", "nothing", "no archive"],
)
def test_an_archive_that_is_of_no_use(
    npm: Npm, target: Path, tmp_path: Path, content: bytes
) -> None:
    npm.packs(content)
    with pytest.raises(BundleError, match="could not be unpacked"):
        fetch(target)
    assert not list(tmp_path.rglob("evil"))
    assert not target.exists()
    assert leftovers(target) == []


def test_a_place_that_cannot_be_written(npm: Npm, target: Path) -> None:
    target.parent.parent.mkdir(parents=True)
    target.parent.touch()
    with pytest.raises(BundleError, match=r"could not be written: .+ choose another directory"):
        fetch(target)


class Slow(subprocess.Popen[bytes]):
    """A process that ends after three looks, or at the one that somebody interrupts."""

    def __init__(self, *outcomes: BaseException | None) -> None:
        self.outcomes: Iterator[BaseException | None] = iter(outcomes)
        self.killed = False

    def __del__(self) -> None:
        pass  # it never was a process

    def wait(self, timeout: float | None = None) -> int:
        outcome = next(self.outcomes)
        if outcome is not None:
            raise outcome
        return 0

    def kill(self) -> None:
        self.killed = True


NOT_YET = subprocess.TimeoutExpired("npm", 5)


def test_somebody_who_waits_is_told(said: list[str]) -> None:
    process = Slow(NOT_YET, NOT_YET, None)
    bundles.wait(process, said.append)
    assert said == ["  still fetching, 0 s"] * 2
    assert not process.killed


def test_an_npm_that_never_ends(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "TIMEOUT", -1.0)
    process = Slow(NOT_YET)
    with pytest.raises(BundleError, match="npm took more than"):
        bundles.wait(process, said.append)
    assert process.killed


def test_an_interrupt_ends_npm(said: list[str]) -> None:
    process = Slow(KeyboardInterrupt(), None)
    with pytest.raises(KeyboardInterrupt):
        bundles.wait(process, said.append)
    assert process.killed
    assert list(process.outcomes) == []  # somebody waited for its end


@pytest.mark.parametrize("before", [True, False])
def test_an_interrupt_between_old_and_new(
    npm: Npm, target: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    if before:
        fetch(target)
        (target / "main.css").unlink()
    rename = Path.rename

    def interrupted(path: Path, to: Path) -> Path:
        if path.name == "unpacked":
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(target)
    assert target.exists() is before
    assert leftovers(target) == []


def test_settings_as_python() -> None:
    values = {"SPACE_WIDGET": {"SCRIPT": 'a"b'}, "RECENTS_WIDGET": {"SCRIPT": "c"}}
    text = bundles.as_python(values)
    assert eval(f"{{{text}}}") == values
    assert text.splitlines()[:3] == ['"SPACE_WIDGET": {', '    "SCRIPT": "a\\"b",', "},"]


def test_a_bundle_names_itself() -> None:
    assert str(Bundle("folder", "SETTING", "@webex/thing", "1.2.3", "")) == "@webex/thing 1.2.3"

"""Cisco's widgets as files of the site's own: fetched with npm, checked, and left as they are.

Their versions and checksums are fixed here. In comes a directory; out comes a directory that holds
either one whole bundle or what it held before. Nothing here needs a configured site.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .client.cdn import integrity

STAMP: Final = ".fetched.json"  # collectstatic leaves out what begins with a dot
TIMEOUT: Final = 600.0  # seconds; 11 MB over a slow line

Say = Callable[[str], None]
"""Takes one sentence for the person at the terminal."""


class BundleError(Exception):
    """Why there is no bundle: a sentence that names the fix."""


@dataclass(frozen=True)
class Bundle:
    """One of Cisco's widgets on npm: ``integrity`` is the archive's, ``folder`` our name for it."""

    folder: str
    setting: str
    package: str
    version: str
    integrity: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


BUNDLES: Final = {
    "space": Bundle(
        folder="widget-space",
        setting="SPACE_WIDGET",
        package="@webex/widget-space",
        version="0.45.0",
        integrity="sha512-o4S6vGYNZIif8e+6NwysgjfqMoxuSBQqhbRCVLmt65hAc1Wg/"
        "ZeP5ijSBak1F4JL54D9PWm10rWXdmnAK6Tgag==",
    ),
    "recents": Bundle(
        folder="widget-recents",
        setting="RECENTS_WIDGET",
        package="@webex/widget-recents",
        version="0.44.0",
        integrity="sha512-OnDeIz6S4M1NMKCfkycavLtbGzyhFJBdMoFG4aNGBooV6Av4lk0gfBdUfa2twydYiGL72m"
        "JCE7oV4vFVVdii4w==",
    ),
}
"""The widgets by the name that a person types; the newest of each that npm has."""


def fetch(bundle: Bundle, target: Path, say: Say) -> None:
    """Download, check and unpack a bundle; ``target`` holds all of it, or what it held before.

    Raises ``BundleError``.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise BundleError(f"npm is not installed, so {bundle} was not fetched: install Node.js.")
    try:
        if not is_ours(target):
            raise BundleError(
                f"{target} holds something that was not fetched by this command: move it away, or "
                "choose another directory."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, because only within one file system a rename is atomic.
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as directory:
            room = Path(directory)
            say(f"Fetching {bundle} with npm (up to 11 MB, only once) …")
            archive = download(bundle, npm, room, say)
            check(bundle, archive.read_bytes())
            unpacked = room / "unpacked"
            unpack(bundle, archive, unpacked)
            written = json.dumps(stamp(bundle, unpacked), indent=1)
            (unpacked / STAMP).write_text(f"{written}\n", encoding="utf-8")
            swap(unpacked, target, room / "old")
    except OSError as error:
        raise BundleError(
            f"{target} could not be written: {error.strerror or error}. Make room or allow it, or "
            "choose another directory."
        ) from error


def download(bundle: Bundle, npm: str, directory: Path, say: Say) -> Path:
    """Let npm write the package's archive into the directory; return its path."""
    name = f"{bundle.package}@{bundle.version}"
    command = [npm, "pack", name, "--loglevel=error", "--fetch-retries=1"]
    with (directory / "npm.log").open("w+b") as log:
        with subprocess.Popen(command, cwd=directory, stdout=log, stderr=log) as process:  # noqa: S603
            wait(process, say)
        log.seek(0)
        said = log.read().decode(errors="replace").strip()
    archives = list(directory.glob("*.tgz"))
    if process.returncode or len(archives) != 1:
        reason = said.splitlines()[0] if said else f"exit status {process.returncode}"
        raise BundleError(
            f"npm could not fetch {bundle}: {reason.removesuffix('.')}. Check the network and "
            f"npm's settings; “npm pack {name}” tells more."
        )
    return archives[0]


def wait(process: subprocess.Popen[bytes], say: Say) -> None:
    """Wait for npm to end, and show now and then that it is at work."""
    start = time.monotonic()
    while True:
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - start
            if seconds > TIMEOUT:
                process.kill()
                raise BundleError(
                    f"npm took more than {TIMEOUT:.0f} seconds: check the network, then try again."
                ) from None
            say(f"  still fetching, {seconds:.0f} s")
        except BaseException:
            process.kill()
            process.wait()  # until it is gone it may write into the directory, which goes next
            raise
        else:
            return


def check(bundle: Bundle, archive: bytes) -> None:
    """Refuse an archive that is not the one whose checksum stands above."""
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if f"sha512-{digest}" != bundle.integrity:
        raise BundleError(
            f"What npm fetched is not {bundle}: its checksum differs. Somebody has changed it on "
            "the way: ask who runs the place that npm fetches from."
        )


def unpack(bundle: Bundle, archive: Path, directory: Path) -> None:
    """Unpack the archive's ``package/dist/``: fonts, images and source maps belong to it.

    Its demo page does not: on the site's own origin it would ask visitors for a token.
    """
    try:
        with tarfile.open(archive) as tar:
            members = []
            for member in tar:
                name = member.name.removeprefix("package/dist/")
                if member.isfile() and name != member.name and not name.endswith(".html"):
                    member.name = name
                    # npm dates every file of every version 1985, which would fool caches.
                    member.mtime = int(time.time())
                    members.append(member)
            # The filter refuses names that lead out of the directory.
            tar.extractall(directory, members, filter="data")
    except tarfile.TarError as error:
        raise BundleError(f"{bundle} could not be unpacked: {error}.") from error
    for name in ("bundle.js", "main.css"):
        if not (directory / name).is_file():
            raise BundleError(f"{bundle} could not be unpacked: there is no {name} in it.")


def swap(new: Path, target: Path, old: Path) -> None:
    """Put ``new`` into the place of ``target``, which goes to ``old``; undo that if it fails."""
    try:
        if target.exists():
            target.rename(old)
        new.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise


def stamp(bundle: Bundle, directory: Path) -> dict[str, object]:
    """Return what the stamp file says about an unpacked bundle: what it is and all its files."""
    files = {
        path.relative_to(directory).as_posix(): integrity(path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    return {
        "package": bundle.package,
        "version": bundle.version,
        "integrity": bundle.integrity,
        "files": files,
    }


def is_intact(bundle: Bundle, directory: Path) -> bool:
    """Whether the directory holds this very bundle, every file of it unchanged."""
    try:
        written = json.loads((directory / STAMP).read_text(encoding="utf-8"))
        return bool(written == stamp(bundle, directory))
    except (OSError, ValueError):
        return False


def is_ours(directory: Path) -> bool:
    """Whether nothing is lost when the directory is replaced: it is missing, empty or stamped."""
    if not directory.exists():
        return True
    return directory.is_dir() and ((directory / STAMP).exists() or not any(directory.iterdir()))


def as_python(settings: Mapping[str, Mapping[str, str]]) -> str:
    """Return settings as lines to paste into ``WEBEX_WIDGETS``."""
    lines: list[str] = []
    for name, values in settings.items():
        lines.append(f'"{name}": {{')
        lines += [f'    "{key}": {json.dumps(value)},' for key, value in values.items()]
        lines.append("},")
    return "\n".join(lines)

#!/usr/bin/env python
"""Fetch Cisco's Space widget, so that the example site serves it itself.

It comes through npm, in a fixed version whose checksum is known here. Without npm, or without
the internet, the example site takes the widget from Cisco's own servers: that is no failure,
unless ``--require`` says so.
"""

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PACKAGE: Final = "@webex/widget-space"
VERSION: Final = "0.45.0"
INTEGRITY: Final = (
    "sha512-o4S6vGYNZIif8e+6NwysgjfqMoxuSBQqhbRCVLmt65hAc1Wg/"
    "ZeP5ijSBak1F4JL54D9PWm10rWXdmnAK6Tgag=="
)
TARGET: Final = Path(__file__).resolve().parent / "static/webex/widget-space"
STAMP: Final = ".fetched.json"  # collectstatic leaves out what begins with a dot
TIMEOUT: Final = 600.0  # seconds; 11 MB over a slow line


class FetchError(Exception):
    """Why there is no bundle, as one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the bundle unless it is there; return the exit status."""
    parser = argparse.ArgumentParser(description="Fetch Cisco's Space widget with npm.")
    parser.add_argument(
        "--require", action="store_true", help="fail when the bundle cannot be fetched"
    )
    options = parser.parse_args(arguments)
    if is_intact(TARGET):
        say(f"Cisco's widget {VERSION} is there.")
        return 0
    try:
        fetch(TARGET)
    except FetchError as error:
        say(str(error))
        if options.require:
            return 1
        say("The example site takes the widget from Cisco's own servers instead.")
        return 0
    except KeyboardInterrupt:
        say("Stopped: nothing was changed.")
        return 130
    say(f"Cisco's widget {VERSION} is ready.")
    return 0


def fetch(target: Path) -> None:
    """Download, check and unpack the bundle; ``target`` holds either all of it or what it held."""
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("npm is not installed, so Cisco's widget was not fetched.")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, because only within one file system a rename is atomic.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as directory:
        room = Path(directory)
        say(f"Fetching Cisco's widget {PACKAGE} {VERSION} with npm (11 MB, only once) …")
        archive = download(npm, room)
        check(archive.read_bytes())
        say("Unpacking …")
        unpacked = room / "unpacked"
        unpack(archive, unpacked)
        (unpacked / STAMP).write_text(json.dumps(stamp(unpacked)), encoding="utf-8")
        if target.exists():
            target.rename(room / "old")
        unpacked.rename(target)


def download(npm: str, directory: Path) -> Path:
    """Let npm write the package's archive into the directory."""
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--loglevel=error", "--fetch-retries=1"]
    with (directory / "npm.log").open("w+b") as log:
        with subprocess.Popen(command, cwd=directory, stdout=log, stderr=log) as process:  # noqa: S603
            wait(process)
        log.seek(0)
        said = log.read().decode(errors="replace").strip()
    archives = list(directory.glob("*.tgz"))
    if process.returncode or len(archives) != 1:
        reason = said.splitlines()[0] if said else f"exit status {process.returncode}"
        raise FetchError(f"npm could not fetch Cisco's widget: {reason}")
    return archives[0]


def wait(process: subprocess.Popen[bytes]) -> None:
    """Wait for npm to end, and show now and then that it is at work."""
    start = time.monotonic()
    while True:
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - start
            if seconds > TIMEOUT:
                process.kill()
                raise FetchError(f"npm took more than {TIMEOUT:.0f} seconds.") from None
            say(f"  still fetching, {seconds:.0f} s")
        except BaseException:
            process.kill()
            raise
        else:
            return


def check(archive: bytes) -> None:
    """Refuse an archive that is not the one whose checksum stands above."""
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise FetchError(f"What npm fetched is not {PACKAGE} {VERSION}: its checksum differs.")


def unpack(archive: Path, directory: Path) -> None:
    """Unpack the archive's ``package/dist/``: fonts, images and source maps belong to it."""
    try:
        with tarfile.open(archive) as tar:
            members = []
            for member in tar:
                if member.isfile() and member.name.startswith("package/dist/"):
                    member.name = member.name.removeprefix("package/dist/")
                    # npm dates every file of every version 1985, which would fool caches.
                    member.mtime = int(time.time())
                    members.append(member)
            # The filter refuses names that lead out of the directory.
            tar.extractall(directory, members, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise FetchError(f"Cisco's widget could not be unpacked: {error}") from error
    if not (directory / "bundle.js").is_file():
        raise FetchError("Cisco's widget could not be unpacked: there is no bundle.js in it.")


def stamp(directory: Path) -> dict[str, object]:
    """Return what the stamp file says about an unpacked bundle: what it is and all its files."""
    files = {
        path.relative_to(directory).as_posix(): path.stat().st_size
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != STAMP
    }
    return {"package": PACKAGE, "version": VERSION, "integrity": INTEGRITY, "files": files}


def is_intact(directory: Path) -> bool:
    """Whether the directory holds this very bundle, with every file in its size."""
    try:
        written = json.loads((directory / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(written == stamp(directory))


def say(sentence: str) -> None:
    """Tell the person at the terminal, at once."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Fetching Cisco's widget, with an ``npm`` that only copies an archive."""

import base64
import hashlib
import importlib.util
import io
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "example_project" / "fetch_bundle.py"


@pytest.fixture
def fetch_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module, with a target of its own and no programs to find."""
    spec = importlib.util.spec_from_file_location("fetch_bundle", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TARGET", tmp_path / "static" / "webex" / "widget-space")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return module


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


GOOD = archive(
    {
        "package/package.json": b"{}",
        "package/dist/bundle.js": b"widget();",
        "package/dist/bundle.js.map": b"{}",
        "package/dist/main.css": b"p {}",
        "package/dist/fonts/icons.woff": b"font",
    }
)


def install_npm(tmp_path: Path, body: str) -> None:
    """Put an ``npm`` into the only directory on PATH."""
    npm = tmp_path / "bin" / "npm"
    npm.write_text(f"#!{sys.executable}\nimport os, pathlib, sys\n{body}\n", encoding="utf-8")
    npm.chmod(0o755)


def install_packing_npm(tmp_path: Path, content: bytes, module: Any) -> None:
    """Put an ``npm`` there that writes this archive, which the script expects."""
    (tmp_path / "package.tgz").write_bytes(content)
    install_npm(
        tmp_path,
        f"content = pathlib.Path({str(tmp_path / 'package.tgz')!r}).read_bytes()\n"
        "pathlib.Path('webex-widget-space-0.45.0.tgz').write_bytes(content)\n"
        f"with open({str(tmp_path / 'calls')!r}, 'a') as calls:\n"
        "    calls.write(' '.join(sys.argv[1:]) + '\\n')",
    )
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    module.INTEGRITY = f"sha512-{digest}"


def calls(tmp_path: Path) -> list[str]:
    """Return what npm was asked for."""
    return (tmp_path / "calls").read_text(encoding="utf-8").splitlines()


def leftovers(module: Any) -> list[str]:
    """Return what stands beside the target."""
    return [path.name for path in module.TARGET.parent.iterdir() if path != module.TARGET]


def test_the_whole_distribution_is_unpacked(
    fetch_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_packing_npm(tmp_path, GOOD, fetch_bundle)

    assert fetch_bundle.main([]) == 0

    target = fetch_bundle.TARGET
    files = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert files == {
        ".fetched.json",
        "bundle.js",
        "bundle.js.map",
        "main.css",
        os.path.join("fonts", "icons.woff"),  # noqa: PTH118
    }
    assert (target / "bundle.js").read_bytes() == b"widget();"
    assert (target / "bundle.js").stat().st_mtime > 1_700_000_000
    assert calls(tmp_path)[0].startswith("pack @webex/widget-space@0.45.0 ")
    assert leftovers(fetch_bundle) == []
    assert "is ready" in capsys.readouterr().out


def test_a_second_run_has_nothing_to_do(fetch_bundle: Any, tmp_path: Path) -> None:
    install_packing_npm(tmp_path, GOOD, fetch_bundle)
    fetch_bundle.main([])

    assert fetch_bundle.main(["--require"]) == 0

    assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["truncated", "missing", "version", "stamp"])
def test_what_is_not_intact_is_fetched_again(
    fetch_bundle: Any, tmp_path: Path, damage: str
) -> None:
    install_packing_npm(tmp_path, GOOD, fetch_bundle)
    fetch_bundle.main([])
    stamp = fetch_bundle.TARGET / ".fetched.json"
    if damage == "truncated":
        (fetch_bundle.TARGET / "bundle.js").write_bytes(b"wid")
    elif damage == "missing":
        (fetch_bundle.TARGET / "main.css").unlink()
    elif damage == "version":
        stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"version": "0.1.0"}))
    else:
        stamp.write_text("{")

    assert fetch_bundle.main([]) == 0

    assert len(calls(tmp_path)) == 2
    assert (fetch_bundle.TARGET / "bundle.js").read_bytes() == b"widget();"
    assert leftovers(fetch_bundle) == []


def test_another_archive_is_refused(
    fetch_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_packing_npm(tmp_path, GOOD, fetch_bundle)
    fetch_bundle.INTEGRITY = "sha512-something-else"

    assert fetch_bundle.main(["--require"]) == 1

    assert "its checksum differs" in capsys.readouterr().out
    assert not fetch_bundle.TARGET.exists()
    assert leftovers(fetch_bundle) == []


def test_without_npm_the_demo_goes_on(
    fetch_bundle: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch_bundle.main([]) == 0

    said = capsys.readouterr().out
    assert "npm is not installed" in said
    assert "from Cisco's own servers instead" in said


def test_without_npm_the_bundle_can_be_required(fetch_bundle: Any) -> None:
    assert fetch_bundle.main(["--require"]) == 1


def test_a_failing_npm_is_one_sentence_and_changes_nothing(
    fetch_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_packing_npm(tmp_path, GOOD, fetch_bundle)
    fetch_bundle.main([])
    (fetch_bundle.TARGET / "main.css").unlink()
    install_npm(tmp_path, "sys.exit('npm error network: no such host\\nnpm error more')")

    assert fetch_bundle.main([]) == 0

    said = capsys.readouterr().out
    assert "npm could not fetch Cisco's widget: npm error network: no such host\n" in said
    assert "npm error more" not in said
    assert (fetch_bundle.TARGET / "bundle.js").exists()


def test_names_that_lead_out_of_the_directory_are_refused(
    fetch_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = archive({"package/dist/bundle.js": b"", "package/dist/../../../../evil": b"!"})
    install_packing_npm(tmp_path, evil, fetch_bundle)

    assert fetch_bundle.main(["--require"]) == 1

    assert "could not be unpacked" in capsys.readouterr().out
    assert not list(tmp_path.rglob("evil"))


def test_an_archive_without_a_bundle_is_refused(fetch_bundle: Any, tmp_path: Path) -> None:
    install_packing_npm(tmp_path, archive({"package/dist/main.css": b""}), fetch_bundle)

    assert fetch_bundle.main(["--require"]) == 1
    assert not fetch_bundle.TARGET.exists()

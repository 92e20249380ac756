"""The frame's Content-Security-Policy, and the addresses that it has to allow."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.templatetags.static import static

from .conf import conf


def address(location: str) -> str:
    """Return the address of an absolute URL or a static file's path."""
    return location if urlsplit(location).scheme in ("http", "https") else static(location)


def frame_policy(assets: list[str]) -> str:
    """Return the policy of a frame that loads ``assets`` (addresses).

    The widget's own sources are those that Cisco publishes for its widgets and that a browser was
    seen to need; WebAssembly does the bundle's 64-bit arithmetic. A bundle's fonts and pictures
    come from where the bundle is from (see ``frame.js``).
    """
    used = {_source(address) for address in [*assets, static("webex_widgets/frame.js")]}
    hosts = " ".join(sorted(used - {""}))
    files = "https://*.clouddrive.com https://*.webexcontent.com"
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' 'wasm-unsafe-eval' {hosts}",
        "style-src": f"'self' 'unsafe-inline' {hosts}",
        "font-src": f"'self' {hosts}",
        "img-src": f"'self' {hosts} {files} https://*.rackcdn.com https://*.giphy.com data: blob:",
        "media-src": f"'self' {hosts} {files} https://*.giphy.com data: blob:",
        "connect-src": "'self' https://*.wbx2.com https://*.ciscospark.com https://*.webex.com "
        f"{files} https://*.giphy.com wss://*.wbx2.com wss://*.ciscospark.com wss://*.webex.com "
        f"{_source(conf.API_BASE_URL)}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {' '.join(value.split())}" for name, value in policy.items())


def _source(address: str) -> str:
    """Return the origin of an absolute address as a CSP source; empty for a path."""
    parts = urlsplit(address)
    return f"{parts.scheme or 'https'}://{parts.netloc}" if parts.netloc else ""

"""Webex's OAuth: the authorization address, the code exchange, refreshing and revoking.

Where a fact of Webex stands behind a line, it is from Cisco's "Integrations & Authorization" page
or from answers that its users published.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, cast

import requests
from django.views.decorators.debug import sensitive_variables
from oauthlib.oauth2 import WebApplicationClient
from requests_oauthlib import OAuth2Session

from ..conf import Client, conf
from ..exceptions import ApiError, InvalidClient, InvalidGrant, TransportError
from .transport import Transport, body_object, description, json_object, tracking_id
from .types import TokenGrant

REVOCATION_URL: Final = "https://idbroker.webex.com/idb/oauth2/v1/revoke"
"""Cisco's JavaScript SDK revokes here; no document promises it to ordinary integrations."""

UNDECIDED: Final = (
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "tokenlimit_reached",
    "unsupported_grant_type",
)
"""Error codes that say nothing of the code or refresh token that was sent."""


def authorization_url(redirect_uri: str, state: str, code_verifier: str) -> str:
    """Return the address of Webex's consent page, with PKCE (S256)."""
    client = WebApplicationClient(conf.CLIENT_ID)
    address = f"{conf.API_BASE_URL}/authorize"
    # oauthlib refuses http://, which conf allows for this very machine alone.
    scheme, rest = address.split("://", 1)
    url = client.prepare_request_uri(
        f"https://{rest}",
        redirect_uri=redirect_uri,
        scope=" ".join(conf.SCOPES),
        state=state,
        code_challenge=client.create_code_challenge(code_verifier, "S256"),
        code_challenge_method="S256",
    )
    return f"{scheme}{url.removeprefix('https')}"


@sensitive_variables()
def exchange(transport: Transport, code: str, redirect_uri: str, code_verifier: str) -> TokenGrant:
    """Exchange an authorization code. It works once, so this is never tried again.

    Raises ``InvalidGrant``, ``InvalidClient`` or ``TransportError``.
    """
    transport.session.redirect_uri = redirect_uri
    client = conf.integration
    return _granted(
        transport,
        client,
        lambda session, timeout: session.fetch_token(
            f"{transport.base_url}/access_token",
            code=code,
            code_verifier=code_verifier,
            client_secret=client.secret,
            include_client_id=True,
            timeout=timeout,
        ),
    )


@sensitive_variables()
def refresh(transport: Transport, refresh_token: str, client: Client) -> TokenGrant:
    """Refresh as ``client``; the grant repeats ``refresh_token`` where Webex named no other.

    Raises ``InvalidGrant`` when Webex refuses this refresh token, ``InvalidClient`` when it
    refuses the client, ``TransportError`` when nothing was decided.
    """
    return _granted(
        transport,
        client,
        lambda session, timeout: session.refresh_token(
            f"{transport.base_url}/access_token",
            refresh_token=refresh_token,
            client_id=client.id,
            client_secret=client.secret,
            timeout=timeout,
        ),
    )


@sensitive_variables()
def revoke(transport: Transport, token: str, token_type_hint: str) -> None:
    """Ask Webex to forget a token. Raises ``WebexError`` where it does not."""
    response = transport.send(
        lambda timeout: transport.session.request(
            "POST",
            REVOCATION_URL,
            data={"token": token, "token_type_hint": token_type_hint},
            auth=(conf.CLIENT_ID, conf.CLIENT_SECRET),
            timeout=timeout,
            withhold_token=True,
        )
    )
    if not response.ok:
        json_object(response)


@sensitive_variables()
def _granted(
    transport: Transport,
    client: Client,
    ask: Callable[[OAuth2Session, float], object],
) -> TokenGrant:
    session: OAuth2Session = transport.session
    asked_at = datetime.now(UTC)
    grants: list[TokenGrant] = []

    def understand(response: requests.Response) -> requests.Response:
        """Read the answer before oauthlib does, which knows neither status nor Webex's shapes."""
        answer = _token_answer(response, client)
        grant = TokenGrant.from_answer(answer, asked_at)
        if grant is None:
            raise TransportError(
                f"Webex's token answer holds no token (tracking id {tracking_id(response)})."
            )
        grants.append(grant)
        # oauthlib reads on, and would reject a whole grant for one odd field: it gets this instead.
        return cast("requests.Response", SimpleNamespace(text='{"access_token": "-"}'))

    session.compliance_hook["access_token_response"] = {understand}
    session.compliance_hook["refresh_token_response"] = {understand}
    transport.send(lambda timeout: ask(session, timeout))
    session.token = {}
    return grants[0]


def _token_answer(response: requests.Response, client: Client) -> dict[str, Any]:
    """Return the token endpoint's answer, or raise what its refusal means.

    Webex says ``invalid_request`` with 400 for a dead refresh token, so the status decides, not
    the code; but what is said of the *client* is the site's fault and nobody's token's.
    """
    try:
        return json_object(response)
    except ApiError as error:
        refusal = error
    said = f"Webex answered {refusal.status}: {description(response)}"
    said += f" (tracking id {refusal.tracking_id})"
    body = body_object(response)
    if refusal.status not in (400, 401) or body is None or body.get("error") in UNDECIDED:
        raise TransportError(said)
    words = refusal.description.lower().replace("_", " ")
    if "invalid grant" not in words and "refresh token" not in words and "client" in words:
        raise InvalidClient(f"{said}. Check {client.settings}.")
    raise InvalidGrant(said)

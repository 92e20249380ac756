"""The sandbox's own addresses, on its own port; no part of the site's URLs."""

from __future__ import annotations

from django.urls import path

from webex_widgets.sandbox import cloud, guests, oauth, pages, rest

REST: dict[str, rest.View] = {
    "rooms": rest.rooms,
    "rooms/<str:room_id>": rest.room,
    "people": rest.people,
    "people/me": rest.me,
    "messages": rest.messages,
    "guests/token": guests.token,
    "jwt/login": guests.login,
}

# What the widgets ask of the services, by host as the catalogue names them.
CONVERSATION = "cloud/conv-a.wbx2.com/conversation/api/v1"
DEVICES = "cloud/wdm-a.wbx2.com/wdm/api/v1/devices"

urlpatterns = [
    path("", pages.home),
    path("sandbox.css", pages.stylesheet),
    path("message", pages.post_message),
    path("outage", pages.set_outage),
    path("revoke", pages.revoke),
    path("token", pages.personal_token),
    path("v1/authorize", oauth.authorize),
    path("v1/access_token", rest.breakable(oauth.access_token)),
    *(path(f"v1/{route}", rest.breakable(view)) for route, view in REST.items()),
    # The widgets read the REST API as well, by its older name.
    *(path(f"cloud/api.ciscospark.com/v1/{route}", view) for route, view in REST.items()),
    path("cloud/api.ciscospark.com/v1/people/", rest.people),
    path("cloud/ds.ciscospark.com/v1/region", cloud.region),
    path("cloud/u2c.wbx2.com/u2c/api/v1/limited/catalog", cloud.limited_catalogue),
    path("cloud/u2c.wbx2.com/u2c/api/v1/catalog", cloud.catalogue),
    path("cloud/idbroker.webex.com/idb/oauth2/v1/access_token", cloud.broker),
    path("cloud/encryption-a.wbx2.com/encryption/api/v1/kms/<uuid:uuid>", cloud.keys),
    path(DEVICES, cloud.devices),
    path(f"{DEVICES}/<uuid:uuid>", cloud.nothing),
    path("cloud/mercury-a.wbx2.com/v1/events/<uuid:uuid>", cloud.events),
    path(f"{CONVERSATION}/conversations/user/<str:user>", cloud.conversation_with),
    path(f"{CONVERSATION}/conversations/<uuid:uuid>", cloud.conversation),
    path(f"{CONVERSATION}/conversations/<uuid:uuid>/activities", cloud.activities),
    path(f"{CONVERSATION}/conversations/<uuid:uuid>/status/typing", cloud.nothing),
    path(f"{CONVERSATION}/conversations", cloud.conversations),
    path(f"{CONVERSATION}/conversationsSummary", cloud.conversations),
    path(f"{CONVERSATION}/teams", cloud.nothing, {"items": []}),
    path(f"{CONVERSATION}/users", cloud.users),
    path(f"{CONVERSATION}/activities", cloud.nothing),
    path(
        "cloud/apheleia-a.wbx2.com/apheleia/api/v1/subscriptions", cloud.nothing, {"responses": []}
    ),
    path("cloud/locus-a.wbx2.com/locus/api/v1/loci", cloud.nothing, {"loci": []}),
    path(
        "cloud/calliope-a.wbx2.com/calliope/api/discovery/v1/clusters",
        cloud.nothing,
        {"clusterClasses": {}, "clusters": {}},
    ),
    path("cloud/metrics-a.wbx2.com/metrics/api/v1/clientmetrics", cloud.nothing),
]

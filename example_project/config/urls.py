"""The example site's addresses."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("intranet.urls")),
    path("webex/", include("webex_widgets.urls")),
    path("admin/", admin.site.urls),
]

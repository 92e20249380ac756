"""A site that forgot the include()."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

"""The intranet as a Django app."""

from django.apps import AppConfig


class IntranetConfig(AppConfig):
    """Pages, templates and two demo people; the pages' content is in ``projects``."""

    name = "intranet"
    verbose_name = "Intranet"

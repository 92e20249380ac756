"""Webex spaces inside Django pages."""

__version__ = "0.1.0"

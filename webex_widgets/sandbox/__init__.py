"""A stand-in for Webex, for development without a Webex account.

A separate app: put ``"webex_widgets.sandbox"`` before ``"webex_widgets"`` in ``INSTALLED_APPS`` and
point ``WEBEX_WIDGETS["API_BASE_URL"]`` at a loopback address such as ``http://127.0.0.1:8001/v1``.
It works only while ``DEBUG`` is on.
"""

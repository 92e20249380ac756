"""The example site's settings, addresses and WSGI application."""

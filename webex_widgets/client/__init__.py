"""Everything that speaks to Webex. It knows no database and no ``HttpRequest``."""

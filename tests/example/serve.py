"""``python -m tests.example.serve PORT DATABASE``: the example site with a database of its own."""

import os
import sys
from pathlib import Path


def main(port: str, database: str) -> None:
    """Make the database and serve; the sandbox's port is in WEBEX_SANDBOX_PORT."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "example_project"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("runserver", port, use_reloader=False)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Two people to sign in as. Their passwords are unusable: only the demo sign-in lets them in."""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# Ada also keeps the site, so that the admin can be looked at.
PEOPLE = [("ada", "Ada", True), ("grace", "Grace", False)]


def create(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    User = apps.get_model(settings.AUTH_USER_MODEL)
    for username, name, keeps_the_site in PEOPLE:
        User.objects.get_or_create(
            username=username,
            defaults={
                "first_name": name,
                "email": f"{username}@example.com",
                "password": make_password(None),
                "is_staff": keeps_the_site,
                "is_superuser": keeps_the_site,
            },
        )


class Migration(migrations.Migration):
    initial = True
    dependencies = [  # noqa: RUF012 - the form that Django writes
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]  # noqa: RUF012

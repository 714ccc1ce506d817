"""Django's admin on a database that Segue made: who may do what, and what each page answers."""

import auth_side
import csrf_side
from django.conf import settings
from django.test import Client, override_settings
from django.urls import path

PASSWORD = "correct horse battery staple"


def admin_settings():
    """What the admin needs beside the apps, which were given to `configure`."""
    from django.contrib import admin

    return override_settings(
        ROOT_URLCONF=(path("admin/", admin.site.urls),),
        MIDDLEWARE=[csrf_side.SESSIONS, csrf_side.CSRF, *auth_side.MIDDLEWARE],
        TEMPLATES=auth_side.SETTINGS["TEMPLATES"],
        STATIC_URL="/static/",
        # What is asked here is not how slow a hash is.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    )


def walk_through_admin():
    """The status of each page, and what each user may do, in the order of the walk."""
    with admin_settings():
        return list(walk())


def walk():
    from django.contrib.admin.models import LogEntry
    from django.contrib.auth.models import Group, Permission, User

    root = User.objects.create_superuser("root", "root@example.com", PASSWORD)
    nina = User.objects.create_user("nina", "nina@example.com", PASSWORD, is_staff=True)
    yield "ids of the users", [root.pk, nina.pk]
    editors = Group.objects.create(name="editors")
    editors.permissions.add(
        Permission.objects.get(codename="view_user"), Permission.objects.get(codename="change_user")
    )
    nina.groups.add(editors)
    nina.user_permissions.add(Permission.objects.get_by_natural_key("view_group", "auth", "group"))
    nina = User.objects.get(username="nina")
    yield "nina may", sorted(nina.get_all_permissions())
    yield "root may", len(root.get_all_permissions())

    client = log_in("root")
    for page in (
        "/admin/",
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        f"/admin/auth/user/{nina.pk}/change/",
        "/admin/auth/group/",
        f"/admin/auth/group/{editors.pk}/change/",
    ):
        yield page, client.get(page).status_code
    permission = Permission.objects.get(codename="delete_session").pk
    form = {"name": "writers", "permissions": [permission]}
    yield "rename", client.post(f"/admin/auth/group/{editors.pk}/change/", form).status_code
    editors.refresh_from_db()
    codenames = [permission.codename for permission in editors.permissions.all()]
    yield "renamed", [editors.name, codenames]

    client = log_in("nina")
    yield "nina's groups", client.get("/admin/auth/group/").status_code
    yield "nina's users", client.get("/admin/auth/user/").status_code
    yield "nina adds", client.get("/admin/auth/group/add/").status_code

    client = log_in("root")
    delete = f"/admin/auth/user/{nina.pk}/delete/"
    yield "delete", client.post(delete, {"post": "yes"}).status_code
    yield "left", [user.username for user in User.objects.all()]
    yield "log", LogEntry.objects.count()


def log_in(name):
    client = Client()
    form = {"username": name, "password": PASSWORD, "next": "/admin/"}
    response = client.post("/admin/login/", form)
    assert response.status_code == 302, response.content
    assert settings.SESSION_COOKIE_NAME in client.cookies
    return client

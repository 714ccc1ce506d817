"""Django's side of the tests of the login."""

from django.http import HttpResponse
from django.urls import path

MIDDLEWARE = [
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

# What Django's own pages need.
SETTINGS = {
    "LOGIN_REDIRECT_URL": "/who",
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        }
    ],
}

APPS = ("admin", "auth", "contenttypes", "sessions", "messages")


def routes():
    """Django's admin, its login page, and who the visitor is. To be asked for after the set-up."""
    from django.contrib import admin
    from django.contrib.auth.views import LoginView, LogoutView

    login = LoginView.as_view(template_name="admin/login.html")
    return [
        path("admin/", admin.site.urls),
        path("accounts/login/", login),
        path("accounts/logout/", LogoutView.as_view(next_page="/who")),
        path("who", view_who),
        path("may/<permission>", view_may),
    ]


def view_who(request):
    return HttpResponse(request.user.get_username() or "nobody")


def view_may(request, permission):
    return HttpResponse(str(request.user.has_perm(permission)))


# --- Operations --------------------------------------------------------------------------------


def python(code, **names):
    """Runs Python with Django's models at hand, and gives what it calls `result`."""
    from django.contrib.auth import hashers, models
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection

    names |= {
        "User": models.User,
        "Group": models.Group,
        "Permission": models.Permission,
        "ContentType": ContentType,
        "connection": connection,
        "hashers": hashers,
        "result": None,
    }
    exec(code, names)
    return names["result"]

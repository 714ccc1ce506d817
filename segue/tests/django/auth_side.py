"""Django's side of the tests of the login."""

import unicodedata
from urllib.parse import unquote_to_bytes

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


def user_names(names):
    """Of each name what is stored, the first thing that the field says against it, and whether this
    Python's Unicode has all of its characters."""
    from django.contrib.auth.models import User
    from django.core.exceptions import ValidationError

    field = User._meta.get_field("username")

    def problem(name):
        try:
            field.clean(name, None)
        except ValidationError as error:
            return error.messages[0]

    def is_known(name):
        return all(unicodedata.category(character) != "Cn" for character in name)

    return [[User.normalize_username(name), problem(name), is_known(name)] for name in names]


def emails(addresses):
    from django.contrib.auth.models import User

    return [User.objects.normalize_email(address) for address in addresses]


def email_problems(addresses):
    """What the field says against each address, or None."""
    from django.contrib.auth.models import User
    from django.core.exceptions import ValidationError

    field = User._meta.get_field("email")

    def problem(address):
        try:
            field.clean(address, None)
        except ValidationError as error:
            return "; ".join(error.messages)

    return [problem(address) for address in addresses]


def safe_urls(urls, host, secure):
    """Whether a visitor may be sent to each of them."""
    from django.utils.http import url_has_allowed_host_and_scheme

    return [url_has_allowed_host_and_scheme(url, {host}, require_https=secure) for url in urls]


def after_logout(urls, host):
    """Where a logout with each of them as `next` leads to."""
    from django.test import Client

    client = Client(headers={"host": host})
    return [client.post("/accounts/logout/", {"next": url})["Location"] for url in urls]


def to_login(login_url, targets, host, secure):
    """Where `login_required` sends a stranger who asks for each of them."""
    from django.contrib.auth.decorators import login_required
    from django.contrib.auth.models import AnonymousUser
    from django.core.handlers.wsgi import WSGIRequest
    from django.test import RequestFactory, override_settings

    view = login_required(lambda request: None)
    scheme = "https" if secure else "http"

    def ask(target):
        path, _, query = target.partition("?")
        environ = RequestFactory()._base_environ(
            PATH_INFO=unquote_to_bytes(path).decode("latin-1"), QUERY_STRING=query, HTTP_HOST=host
        )
        request = WSGIRequest(environ | {"wsgi.url_scheme": scheme})
        request.user = AnonymousUser()
        return view(request)["Location"]

    with override_settings(LOGIN_URL=login_url):
        return [ask(target) for target in targets]


def form_errors(form, user, cases):
    """What a form says to each case: its fields, and what is wrong with them."""
    from django.contrib.auth import forms, models

    def errors(data):
        if form == "PasswordChangeForm":
            filled = forms.PasswordChangeForm(models.User.objects.get(username=user), data)
        else:
            filled = forms.AuthenticationForm(None, data)
        return dict(filled.errors.items())

    return [errors(data) for data in cases]


def help_texts():
    from django.contrib.auth.password_validation import password_validators_help_texts

    return password_validators_help_texts()

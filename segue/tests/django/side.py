"""The Django side: real Django in one process, told what to do by lines of JSON on stdin.

A request is {"op": NAME, ...arguments}, an answer {"ok": RESULT} or {"error": TRACEBACK}. The JSON
of a session travels as a text within it, so that nobody between Django and the test reads it.
"""

import importlib
import inspect
import io
import json
import sys
import threading
import traceback
from datetime import datetime, timedelta, timezone
from socketserver import ThreadingMixIn
from urllib.parse import unquote, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import admin_side
import auth_side
import csrf_side
import django
import passwords_side
from django.conf import settings
from django.http import HttpResponse
from django.urls import path


def dumps(value):
    """As Django's JSONSerializer writes it."""
    return json.dumps(value, separators=(",", ":"))


# What a request under way waits for; see the view `hold`.
ENTERED = threading.Event()
RELEASED = threading.Event()


# --- Operations: set-up and migrations ---------------------------------------------------------


def database_settings(place):
    """What Django says for a URL of ours, or for the path of a file of SQLite's."""
    url = urlsplit(place)
    engines = {"postgres": "postgresql", "mysql": "mysql"}
    if url.scheme not in engines:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": place}
    return {
        "ENGINE": f"django.db.backends.{engines[url.scheme]}",
        "NAME": url.path.lstrip("/"),
        "USER": unquote(url.username),
        "PASSWORD": unquote(url.password),
        "HOST": url.hostname,
        "PORT": url.port,
    }


def configure(
    database, secret_key, fallbacks=(), apps=("sessions",), csrf=False, auth=False, extra=None
):
    middleware = [csrf_side.SESSIONS, csrf_side.CSRF] if csrf or auth else [csrf_side.SESSIONS]
    if auth:
        apps, middleware = auth_side.APPS, middleware + auth_side.MIDDLEWARE
        extra = auth_side.SETTINGS | (extra or {})
    settings.configure(
        SECRET_KEY=secret_key,
        SECRET_KEY_FALLBACKS=list(fallbacks),
        DATABASES={"default": database_settings(database)},
        INSTALLED_APPS=[f"django.contrib.{app}" for app in apps],
        MIDDLEWARE=middleware,
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        # An error of a view is a traceback on stderr.
        DEBUG_PROPAGATE_EXCEPTIONS=True,
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"null": {"class": "logging.NullHandler"}},
            "loggers": {"django": {"handlers": ["null"], "propagate": False}},
        },
        **(extra or {}),
    )
    django.setup()
    if auth:
        urlpatterns.extend(auth_side.routes())
    return django.get_version()


def manage(command, *arguments):
    """What a management command prints."""
    from django.core.management import call_command

    out = io.StringIO()
    call_command(command, *arguments, stdout=out, no_color=True)
    return out.getvalue()


def freeze(micros):
    """Django's clock stands still at this time, in microseconds since 1970."""
    from django.utils import timezone as clock

    now = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)
    clock.now = lambda: now


def hosts(requests, **changes):
    """The host of requests with these headers, or None where Django does not allow it."""
    from django.core.exceptions import DisallowedHost
    from django.http import HttpRequest
    from django.test import override_settings

    def ask(headers):
        request = HttpRequest()
        request.META = {f"HTTP_{name}": value for name, value in headers.items()}
        try:
            return request.get_host()
        except DisallowedHost:
            return None

    with override_settings(**changes):
        return [ask(headers) for headers in requests]


# --- Operations: sessions ----------------------------------------------------------------------


def store(key=None):
    """A session of the engine that the settings name."""
    return importlib.import_module(settings.SESSION_ENGINE).SessionStore(key)


def create(data):
    """A new session that holds what the JSON text says."""
    session = store()
    session.update(json.loads(data))
    session.save()
    return session.session_key


def read(key):
    """Everything in a session, as JSON text in Django's order."""
    return dumps(dict(store(key).items()))


def row(key):
    """The row: its columns as SQLite holds them, and the JSON text within session_data."""
    from django.core import signing
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT session_data, CAST(expire_date AS TEXT) FROM django_session"
            " WHERE session_key = %s",
            [key],
        )
        found = cursor.fetchone()
    if found is None:
        return None

    class Text:
        def loads(self, data):
            return data.decode("latin-1")

    text = signing.loads(found[0], salt=store().key_salt, serializer=Text)
    return {"data": found[0], "expire_date": found[1], "json": text}


def change(key, data):
    """Sets each key of the JSON text in a session that is there, and tells its key."""
    session = store(key)
    for name, value in json.loads(data).items():
        session[name] = value
    session.save()
    return session.session_key


def change_python(key, code):
    """Runs Python on a session that is there, and saves it: for what JSON cannot say."""
    session = store(key)
    exec(code, {"session": session})
    session.save()
    return session.session_key


def evaluate(key, code):
    """The `repr` of a Python expression about a session."""
    return repr(eval(code, {"session": store(key)}))


def flush(key):
    store(key).flush()


def expiry(key, value=None, save=True):
    """Sets the expiry, if one is given as a Python expression, and tells all about it."""
    session = store(key)
    if value is not None:
        session.set_expiry(eval(value))
    elif save:
        session["saved"] = True
    date = session.get_expiry_date() - datetime(1970, 1, 1, tzinfo=timezone.utc)
    told = {
        "age": session.get_expiry_age(),
        "micros": date // timedelta(microseconds=1),
        "at_browser_close": session.get_expire_at_browser_close(),
    }
    if save:
        session.save()
    return {"key": session.session_key, **told}


def names():
    """The public names of SessionBase, and the special methods that it defines itself.

    The asynchronous twins are left out: what is a coroutine has a name without its `a`.
    """
    from django.contrib.sessions.backends.base import SessionBase

    session = SessionBase()
    public = [name for name in dir(session) if not name.startswith("_")]
    special = [name for name in vars(SessionBase) if name.startswith("__") and name.endswith("__")]
    inherited = dir(object) + ["__module__", "__dict__", "__weakref__"]
    special = [name for name in special if name not in inherited]
    return [
        name
        for name in public + special
        if not inspect.iscoroutinefunction(getattr(SessionBase, name, None))
    ]


# --- Operations: the HTTP server ---------------------------------------------------------------


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


def serve():
    """Serves the views below on a free port, and tells which."""
    from django.core.wsgi import get_wsgi_application

    server = Server(("127.0.0.1", 0), Handler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def await_entered():
    return ENTERED.wait(10)


def release():
    RELEASED.set()


def view_read(request):
    return HttpResponse(dumps(dict(request.session.items())))


def view_set(request, name, value):
    request.session[name] = value
    return view_read(request)


def view_add(request):
    request.session["n"] = request.session.get("n", 0) + 1
    return view_read(request)


def view_flush(request):
    request.session.flush()
    return view_read(request)


def view_logout(request):
    from django.contrib.auth import logout

    logout(request)
    return view_read(request)


def view_hold(request):
    """Changes the session, and does not answer before it is released."""
    request.session["held"] = "django"
    ENTERED.set()
    RELEASED.wait(10)
    return view_read(request)


# The routes: ROOT_URLCONF is this module.
urlpatterns = [
    path("read", view_read),
    path("set/<name>/<value>", view_set),
    path("add", view_add),
    path("flush", view_flush),
    path("logout", view_logout),
    path("hold", view_hold),
    path("csrf/taken", csrf_side.view_taken),
    path("csrf/form", csrf_side.view_form),
    path("csrf/rotate", csrf_side.view_rotate),
    path("csrf/comment", csrf_side.view_comment),
    path("csrf/login", csrf_side.view_login),
    path("csrf/logout", csrf_side.view_logout),
]


# --- The conversation --------------------------------------------------------------------------

OPERATIONS = {
    operation.__name__: operation
    for operation in (
        configure, manage, freeze, create, read, row, change, change_python, evaluate, flush,
        expiry, names, serve, await_entered, release, hosts, csrf_side.verdicts,
        passwords_side.make, passwords_side.verify, passwords_side.argon2_hashes,
        passwords_side.common, passwords_side.validate, auth_side.python, auth_side.user_names,
        auth_side.emails, auth_side.email_problems, auth_side.safe_urls, auth_side.after_logout, auth_side.to_login,
        auth_side.form_errors, auth_side.help_texts, admin_side.walk_through_admin,
    )
}  # fmt: skip


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            operation = OPERATIONS[request.pop("op")]
            answer = {"ok": operation(*request.pop("args", ()), **request)}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


main()

"""Django's sessions on each engine, with the routes that every server of the benchmark has."""

import json
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import path
from django.utils.decorators import decorator_from_middleware

VARIANT = os.environ["BENCH_VARIANT"]
STORES = os.environ.get("BENCH_STORE", "").split()

ENGINES = {
    "db-sqlite": "db",
    "db-postgres": "db",
    "cache-redis": "cache",
    "cache-locmem": "cache",
    "signed-cookies": "signed_cookies",
    "cached-db": "cached_db",
    "file": "file",
}


def databases():
    """The database among the stores; Django wants one."""
    url = next((store for store in STORES if store.startswith("postgres")), None)
    if url:
        parts = urlsplit(url)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username),
            "PASSWORD": unquote(parts.password),
            "HOST": parts.hostname,
            "PORT": parts.port,
            "OPTIONS": {"sslmode": "disable"},
            # By default Django connects anew for each request.
            "CONN_MAX_AGE": None,
        }
    folder = STORES[0] if STORES and VARIANT == "db-sqlite" else None
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(Path(folder, "db.sqlite3")) if folder else ":memory:",
        "CONN_MAX_AGE": None,
        # As Segue opens a database.
        "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"},
    }


def caches():
    url = next((store for store in STORES if store.startswith("redis")), None)
    if url:
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    return {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 4_000_000},
    }


settings.configure(
    DEBUG=False,
    SECRET_KEY="a secret key for the benchmark, of fifty letters and more",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions"],
    # Around each route that has a session: `/bare` has none.
    MIDDLEWARE=[],
    DATABASES={"default": databases()},
    CACHES={"default": caches()},
    SESSION_ENGINE=f"django.contrib.sessions.backends.{ENGINES[VARIANT]}",
    SESSION_FILE_PATH=STORES[0] if STORES and VARIANT == "file" else None,
    USE_TZ=True,
)
django.setup()

from django.contrib.sessions.middleware import SessionMiddleware  # noqa: E402 (needs the settings)

if ENGINES[VARIANT] in ("db", "cached_db"):
    call_command("migrate", verbosity=0)

with_session = decorator_from_middleware(SessionMiddleware)
SESSION = json.loads((Path(__file__).resolve().parent.parent / "session.json").read_text())


def bare(request):
    return HttpResponse("ok")


@with_session
def untouched(request):
    return HttpResponse("ok")


@with_session
def read(request):
    return HttpResponse(request.session.get("name", ""))


@with_session
def write(request):
    request.session["counter"] = request.session.get("counter", 0) + 1
    return HttpResponse(str(request.session["counter"]))


@with_session
def counter(request):
    return HttpResponse(str(request.session.get("counter", 0)))


def padding(length):
    """Letters that no compression makes much smaller; the same for all servers."""
    seed, letters = 1, []
    for _ in range(length):
        seed = (seed * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        letters.append(chr(97 + (seed >> 16) % 26))
    return "".join(letters)


@with_session
def new(request):
    values = dict(SESSION)
    missing = int(request.GET.get("bytes", 0)) - len(json.dumps(values, separators=(",", ":")))
    if missing > 0:
        values["padding"] = padding(max(0, missing - 13))
    for name, value in values.items():
        request.session[name] = value
    return HttpResponse("ok")


urlpatterns = [
    path(view.__name__, view) for view in (bare, untouched, read, write, counter, new)
]
application = WSGIHandler()

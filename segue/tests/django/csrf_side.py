"""Django's side of the tests of CSRF protection."""

import io
import logging

from django.http import HttpResponse
from django.middleware.csrf import get_token, rotate_token
from django.test import override_settings

# The names of the exceptions that Django has answered with a 400.
SUSPICIONS = []


class Suspicion(logging.Handler):
    def emit(self, record):
        SUSPICIONS.append(record.name.removeprefix("django.security."))

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"


def verdicts(settings, requests):
    """What Django's middleware says of each request, by these settings.

    A request has a method, a scheme, a port, headers (pairs) and a body (a character a byte). The
    answer is "accept", or the status and the reason, or the name of the exception.
    """
    from django.core.handlers.wsgi import WSGIHandler

    middleware = [SESSIONS, CSRF] if settings.get("CSRF_USE_SESSIONS") else [CSRF]
    header = settings.get("SECURE_PROXY_SSL_HEADER")
    if header:
        settings["SECURE_PROXY_SSL_HEADER"] = tuple(header)
    with override_settings(MIDDLEWARE=middleware, CSRF_FAILURE_VIEW=f"{__name__}.refused", **settings):
        logging.getLogger("django.security.RequestDataTooBig").handlers = [Suspicion()]
        application = WSGIHandler()
        return [verdict(application, request) for request in requests]


def verdict(application, request):
    body = request["body"].encode("latin-1")
    environ = {
        "REQUEST_METHOD": request["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": "/csrf/taken",
        "QUERY_STRING": "",
        "SERVER_NAME": "server.invalid",
        "SERVER_PORT": request["port"],
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request["headers"]:
        name = name.upper().replace("-", "_")
        name = name if name == "CONTENT_TYPE" else f"HTTP_{name}"
        # As servers do it.
        value = value.strip()
        environ[name] = f"{environ[name]},{value}" if name in environ else value
    seen = []
    try:
        parts = application(environ, lambda status, headers: seen.append(status))
        answer = b"".join(parts).decode()
    except Exception as error:
        return type(error).__name__
    status = seen[0].split()[0]
    if status == "400":
        # Django's page does not say why; its log does.
        return SUSPICIONS.pop() if SUSPICIONS else "400"
    return "accept" if status == "200" else f"{status}: {answer}"


def refused(request, reason=""):
    return HttpResponse(reason, status=403)


# --- Views -------------------------------------------------------------------------------------


def view_taken(request):
    """Does not ask for a token, which would change the session of the next request."""
    return HttpResponse("taken")


def view_form(request):
    """To a GET a token; what was sent to anything else."""
    if request.method in ("GET", "HEAD"):
        return HttpResponse(get_token(request))
    return HttpResponse(f"django took {request.POST.get('a', 'something')}")


def view_rotate(request):
    rotate_token(request)
    return HttpResponse("rotated")


# Pages for a browser. Each is a form that is sent to its own address.

PAGE = """<!DOCTYPE html><html lang="en"><title>{title}</title><h1>{title}</h1>
<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<button>Send</button></form></html>"""


def page(title, act=lambda request: None):
    """Shows a form with this title; when it is sent, does this and says so."""

    def view(request):
        if request.method == "POST":
            act(request)
            return HttpResponse(f"<h1>{title} was taken</h1>")
        return HttpResponse(PAGE.format(title=title, token=get_token(request)))

    return view


def log_in(request):
    from django.contrib.auth import login
    from django.contrib.auth.models import User

    login(request, User.objects.get_or_create(username="zoe")[0])


def log_out(request):
    from django.contrib.auth import logout

    logout(request)


view_comment = page("Comment")
view_login = page("Login", log_in)
view_logout = page("Logout", log_out)

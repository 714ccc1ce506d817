"""`manage.py clearsessions`, with the settings of the server."""

import sys

import project  # noqa: F401 (configures Django)
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)

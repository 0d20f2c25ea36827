"""The WSGI application under measurement: Django is set up first, then what needs its models is imported."""

import importlib

import django

django.setup()
application = importlib.import_module("answering").application

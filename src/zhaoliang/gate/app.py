"""What granian serves: Django is set up first, then what needs its models is imported."""

import importlib
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhaoliang.settings")
django.setup()
application = importlib.import_module("zhaoliang.gate.application").Gate()

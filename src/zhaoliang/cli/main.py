"""The `zhaoliang` program. Every other module of this package adds its part.

A module offers `app` (a typer app, mounted under the module's name with `_` as `-`) or `register(app)` (top-level
commands). Modules import Django only inside their commands, after `setup_django()`.
"""

import importlib
import pkgutil

import typer

from zhaoliang import cli

app = typer.Typer(help="照亮：补贴性职业技能培训平台", no_args_is_help=True, pretty_exceptions_enable=False)


def mount() -> None:
    """Add the commands of all modules, in the order of their names."""
    for found in pkgutil.iter_modules(cli.__path__):
        if found.name == "main":
            continue
        module = importlib.import_module(f"{cli.__name__}.{found.name}")
        if register := getattr(module, "register", None):
            register(app)
        elif isinstance(part := getattr(module, "app", None), typer.Typer):
            app.add_typer(part, name=found.name.replace("_", "-"))


mount()

"""`python -m zhaoliang` is the `zhaoliang` program."""

from zhaoliang.cli.main import app

if __name__ == "__main__":
    app()

"""The project's own lint rules find what they should, and only that."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


taboos = script("check_taboos")
files = script("check_files")


def rules(source: str, name: str = "vouchers/services.py") -> list[str]:
    return [problem.split(": ")[1] for problem in taboos.problems_in(name, source)]


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("from datetime import datetime, UTC\nx = datetime.now(UTC)", "clock"),
        ("from django.utils import timezone\nx = timezone.now()", "clock"),
        ("import datetime\nx = datetime.date.today()", "clock"),
        ("x = total_fen / 3", "money"),
        ("x = line.amount_fen * 0.5", "money"),
        ("x = float(amount_fen)", "money"),
        ("voucher.state = 'used'", "state"),
        ("Voucher.objects.filter(city_code=1).update(state='used')", "state"),
        ("log.info('claimed', number=person.id_number)", "secret"),
        ("print(f'{phone}')", "secret"),
        ("from zhaoliang.registry.models import Person\nPerson.objects.get(city_code=1, id=2)", "objects"),
    ],
)
def test_a_taboo_is_found(source: str, rule: str) -> None:
    assert rules(source) == [rule]


@pytest.mark.parametrize(
    "source",
    [
        "def claim(*, at): return at.date()",
        "x = total_fen // 3",
        "x = hours / 3",
        "machine.fire(voucher, 'use')",
        "Voucher.objects.filter(city_code=1).update(used_at=at)",
        "log.info('claimed', number=mask_id(person.id_number))",
        "from zhaoliang.vouchers.models import Voucher\nVoucher.objects.filter(city_code=1)",
        "from zhaoliang.registry.models import Person\ndef claim(*, person: Person): ...",
    ],
)
def test_ordinary_code_passes(source: str) -> None:
    assert rules(source) == []


def test_the_edges_may_read_the_clock() -> None:
    assert rules("from datetime import datetime, UTC\nx = datetime.now(UTC)", "web/actors.py") == []


def test_the_state_machine_may_assign_a_state() -> None:
    assert rules("thing.state = to", "kernel/states.py") == []


def problems(text: str, name: str = "docs/page.md") -> list[str]:
    return list(files.text_problems(name, text))


def test_registry_hosts_are_found() -> None:
    host = ".".join(["registry", "npmjs", "org"])
    assert len(problems(f"see https://{host}/x")) == 1
    assert problems("the package registry, npm and PyPI") == []


@pytest.mark.parametrize("folder", ["work", "root", "home/someone"])
def test_folders_of_one_machine_are_found(folder: str) -> None:
    assert len(problems(f"cd /{folder}/main")) == 1
    assert problems(f"https://example.test/{folder}/main and a/{folder}/b and <div>/{folder}x") == []


def test_a_module_too_long_is_found() -> None:
    assert problems("x\n" * 601, "src/zhaoliang/x.py")
    assert problems("x\n" * 600, "src/zhaoliang/x.py") == []
    assert problems("x\n" * 900, "tests/test_x.py") == []
    assert problems("x\n" * 900, "src/zhaoliang/vouchers/migrations/0001_initial.py") == []

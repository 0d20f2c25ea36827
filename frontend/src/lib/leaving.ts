import { on } from "./dom";
import { account } from "./gate";
import { dropPages } from "./kept";
import { forgetPasses, noteLeft } from "./queue";
import { toast } from "./toast";

const ACCOUNT = "zl-account";
const LEAVING = "zl-leaving";
// As long as a session lives: a wish from before it cannot be meant for the next one.
const LEAVING_MS = 8 * 3_600_000;
const WAIT_MS = 8_000;
const AGAIN_MS = 5_000;

/** A sign-out that the server has not confirmed: outlives the page it was asked on, and carries that page's proof. */
type Wish = { action: string; account: string; at: number; csrf: string };

/** Signing out on a phone (`form[data-sign-out]`): what it kept goes at once, the server is asked until it says yes. */
export function startLeaving(): void {
  on("submit", "form[data-sign-out]", (form, event) => {
    if (!(form instanceof HTMLFormElement)) return;
    event.preventDefault();
    void signOut(form);
  });
  void finish();
  window.addEventListener("online", () => void finish());
  // The page before, brought back by the browser, may be another's by now.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && account() && localStorage.getItem(ACCOUNT) !== account()) window.location.reload();
  });
  if (account()) localStorage.setItem(ACCOUNT, account());
}

/** On the page to sign in (`[data-signed-out]`), which the server shows to nobody's session only: pages of whoever was here go. */
export function startSignedOut(): void {
  if (!document.querySelector("[data-signed-out]")) return;
  localStorage.removeItem(LEAVING);
  if ("caches" in window) void dropPages();
}

/** What this phone kept of the account goes before the server is told; unreached, it is told when the network is back. */
async function signOut(form: HTMLFormElement): Promise<void> {
  const csrf = String(new FormData(form).get("csrfmiddlewaretoken"));
  const wish: Wish = { action: form.action, account: account(), at: Date.now(), csrf };
  localStorage.setItem(LEAVING, JSON.stringify(wish));
  if (await finish()) return;
  form.dispatchEvent(new CustomEvent("htmx:afterRequest", { bubbles: true }));
  toast("没有连上平台：这部手机上存的页面已经清掉，联网后会自动退出。退出前请先不要把手机交给别人。");
}

/** Sign-ins that wait stay: they are hours somebody was taught, and hold no name. */
async function forgetAccount(): Promise<void> {
  localStorage.removeItem(ACCOUNT);
  await forgetPasses();
  // Before the pages go: one that is on its way is not kept after them.
  await noteLeft();
  if ("caches" in window) await dropPages();
}

/** Does what was wished, if anything; returns false while the server could not be asked. */
async function finish(): Promise<boolean> {
  const wish = JSON.parse(localStorage.getItem(LEAVING) ?? "null") as Wish | null;
  // A tab of somebody else's may still be open: it is not his wish.
  if (!wish || wish.account !== account()) return true;
  if (Date.now() - wish.at >= LEAVING_MS) {
    localStorage.removeItem(LEAVING);
    return true;
  }
  await forgetAccount();
  const out = await told(wish);
  if (out === undefined) {
    // Without network the browser says when it is back; with one that leads nowhere it does not.
    if (navigator.onLine) window.setTimeout(() => void finish(), AGAIN_MS);
    return false;
  }
  if (out) {
    // What came between the two.
    await forgetAccount();
    localStorage.removeItem(LEAVING);
  }
  // Refused: the server's own page asks, with a button; the wish stays until nobody is signed in.
  window.location.replace(out ? "/sign-in/" : wish.action);
  return true;
}

/** Whether the server ended the session; undefined when it could not be asked. */
async function told(wish: Wish): Promise<boolean | undefined> {
  try {
    const first = await ask(wish.action, wish.csrf);
    if (first.status !== 403) return ended(first) || undefined;
    // The proof is of an earlier cookie; the page that asks whether to sign out has one of now, and leads on where nobody is signed in.
    const page = await ask(wish.action);
    if (!page.ok) return ended(page) || undefined;
    const form = new DOMParser().parseFromString(await page.text(), "text/html");
    const csrf = form.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value ?? "";
    const second = await ask(wish.action, csrf);
    return ended(second) || (second.status === 403 ? false : undefined);
  } catch {
    return undefined;
  }
}

/** The sign-out leads on to the sign-in page. */
function ended(answer: Response): boolean {
  return answer.type === "opaqueredirect" || answer.ok;
}

function ask(address: string, csrf?: string): Promise<Response> {
  const sent = csrf === undefined ? {} : { method: "POST", body: new URLSearchParams({ csrfmiddlewaretoken: csrf }) };
  return fetch(address, { ...sent, redirect: "manual", signal: AbortSignal.timeout(WAIT_MS) });
}

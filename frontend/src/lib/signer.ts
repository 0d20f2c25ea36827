import { get, put, remove } from "./store";

const KIND = { name: "ECDSA", namedCurve: "P-256" };
const OWN = "own";

/** This phone's key: the private half never leaves the browser, `signer` is the public one (raw, base64url). */
type Own = { key: CryptoKey; signer: string };

/** A signature (r and s, base64url) and whose it is. */
export type Signed = { signer: string; signature: string };

/** What a sign-in says, as the gate takes it. */
export type Said = {
  attendance_id: string;
  longitude: string | null;
  latitude: string | null;
  datum: string;
  signed_at: number;
  code: string;
};

/** What is signed: the same text as `signed_text` on the platform (attendance/signer.py). */
function signedText(key: string, said: Said): string {
  return JSON.stringify([
    "zl-sign-in-1",
    said.attendance_id,
    key,
    said.signed_at,
    said.longitude,
    said.latitude,
    said.datum,
    said.code,
  ]);
}

/** This phone's public key, made once; undefined where the browser makes or keeps none. */
export async function signer(): Promise<string | undefined> {
  return (await own().catch(() => undefined))?.signer;
}

/** The phone's signature under a sign-in and its idempotency key; undefined without a key. */
export async function signatureOf(key: string, said: Said): Promise<Signed | undefined> {
  try {
    const mine = await own();
    if (!mine) return undefined;
    const text = new TextEncoder().encode(signedText(key, said));
    const made = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, mine.key, text);
    return { signer: mine.signer, signature: base64url(made) };
  } catch {
    return undefined;
  }
}

/** Tabs that open together make one key, not two. */
async function own(): Promise<Own | undefined> {
  return "locks" in navigator ? await navigator.locks.request("zl-signer", found) : await found();
}

async function found(): Promise<Own | undefined> {
  const had = await get<Own>("keys", OWN);
  if (had) return had;
  const pair = await crypto.subtle.generateKey(KIND, false, ["sign"]);
  const made = { key: pair.privateKey, signer: base64url(await crypto.subtle.exportKey("raw", pair.publicKey)) };
  if (await put("keys", OWN, made)) return made;
  // A key that ends with the page would leave passes behind that nobody can sign under.
  await remove("keys", OWN);
  return undefined;
}

function base64url(raw: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(raw))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

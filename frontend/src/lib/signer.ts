const KIND = { name: "ECDSA", namedCurve: "P-256" };
// A memory of its own: that of the sign-ins stays as pages of every build know it.
const NAME = "zhaoliang-signer";
const OWN = "own";
// Nobody's sign-in waits for a key: a tab that the phone put to sleep may hold it.
const WAIT_MS = 1_500;

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

/** This phone's public key, made once; undefined where the browser makes or keeps none, or not soon. */
export async function signer(): Promise<string | undefined> {
  return (await soon(own))?.signer;
}

/** The phone's signature under a sign-in and its idempotency key; undefined without a key. */
export async function signatureOf(key: string, said: Said): Promise<Signed | undefined> {
  return soon(async () => {
    const mine = await own();
    const text = new TextEncoder().encode(signedText(key, said));
    const made = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, mine.key, text);
    return { signer: mine.signer, signature: base64url(made) };
  });
}

/** What comes of it, or nothing when it fails or takes too long. */
async function soon<T>(work: () => Promise<T>): Promise<T | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), WAIT_MS));
  return Promise.race([work().catch(() => undefined), late]);
}

/** Tabs that open together make one key, not two. */
async function own(): Promise<Own> {
  return "locks" in navigator ? await navigator.locks.request(NAME, found) : await found();
}

/** The key that is kept, or a new one once it is kept. Throws where nothing can be read or kept: then there is none. */
async function found(): Promise<Own> {
  const open = await opened();
  try {
    const had = await asked<Own | undefined>(open, "readonly", (keys) => keys.get(OWN));
    if (had) return had;
    const pair = await crypto.subtle.generateKey(KIND, false, ["sign"]);
    const made = { key: pair.privateKey, signer: base64url(await crypto.subtle.exportKey("raw", pair.publicKey)) };
    // Added and not put: another's is never written over.
    await asked(open, "readwrite", (keys) => keys.add(made, OWN));
    return made;
  } finally {
    open.close();
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const wanted = indexedDB.open(NAME);
    wanted.onupgradeneeded = () => wanted.result.createObjectStore("keys");
    wanted.onsuccess = () => resolve(wanted.result);
    wanted.onerror = () => reject(wanted.error ?? new Error("not opened"));
  });
}

function asked<T>(open: IDBDatabase, mode: IDBTransactionMode, work: (keys: IDBObjectStore) => IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    const change = open.transaction("keys", mode);
    const wanted = work(change.objectStore("keys"));
    change.oncomplete = () => resolve(wanted.result as T);
    change.onabort = change.onerror = () => reject(change.error ?? new Error("not kept"));
  });
}

function base64url(raw: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(raw))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** The phone's own memory (IndexedDB), which pages and service worker share: sign-ins that wait, and passes to bring them. */

const NAME = "zhaoliang";
type Table = "sign-ins" | "passes";

/** Where a browser keeps nothing (some private windows, a full phone), as long as the page is open. */
const meanwhile: Record<Table, Map<string, unknown>> = { "sign-ins": new Map(), passes: new Map() };

let opening: Promise<IDBDatabase | undefined> | undefined;

function database(): Promise<IDBDatabase | undefined> {
  opening ??= new Promise((resolve) => {
    try {
      // As it stands, without a version: a page that was kept long ago, with its own script, must open it after us too.
      const asked = indexedDB.open(NAME);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("sign-ins");
        asked.result.createObjectStore("passes");
      };
      asked.onsuccess = () => {
        const open = asked.result;
        // Some browsers close it behind a page in the background.
        open.onclose = () => (opening = undefined);
        open.onversionchange = () => {
          opening = undefined;
          open.close();
        };
        resolve(open);
      };
      asked.onerror = () => resolve(undefined);
    } catch {
      resolve(undefined);
    }
  });
  return opening;
}

/** Undefined when the phone's memory does not do it, be it full, closed or missing: asked twice, the second time opened anew. */
async function within<T>(table: Table, mode: IDBTransactionMode, work: (rows: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  for (const again of [true, false]) {
    const open = await database();
    if (!open) return undefined;
    try {
      return await once(open.transaction(table, mode), (change) => work(change.objectStore(table)));
    } catch {
      if (again) opening = undefined;
    }
  }
  return undefined;
}

function once<T>(change: IDBTransaction, work: (change: IDBTransaction) => IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const asked = work(change);
    change.oncomplete = () => resolve(asked.result);
    change.onabort = change.onerror = () => reject(change.error ?? new Error("not kept"));
  });
}

/** Keeps a row; false when only this page has it, until it is closed. */
export async function put(table: Table, key: string, value: unknown): Promise<boolean> {
  const stays = (await within(table, "readwrite", (rows) => rows.put(value, key))) !== undefined;
  if (stays) meanwhile[table].delete(key);
  else meanwhile[table].set(key, value);
  return stays;
}

export async function get<T>(table: Table, key: string): Promise<T | undefined> {
  if (meanwhile[table].has(key)) return meanwhile[table].get(key) as T;
  return within(table, "readonly", (rows) => rows.get(key) as IDBRequest<T | undefined>);
}

/** All rows, which are kept under their own `key`. */
export async function every<T extends { key: string }>(table: Table): Promise<T[]> {
  const found = (await within(table, "readonly", (rows) => rows.getAll() as IDBRequest<T[]>)) ?? [];
  const rows = [...found, ...([...meanwhile[table].values()] as T[])];
  return [...new Map(rows.map((row) => [row.key, row])).values()];
}

export async function remove(table: Table, key: string): Promise<void> {
  meanwhile[table].delete(key);
  await within(table, "readwrite", (rows) => rows.delete(key));
}

export async function empty(table: Table): Promise<void> {
  meanwhile[table].clear();
  await within(table, "readwrite", (rows) => rows.clear());
}

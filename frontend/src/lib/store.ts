/** The phone's own memory (IndexedDB), which pages and service worker share: sign-ins that wait, and passes to bring them. */

const NAME = "zhaoliang";
type Table = "sign-ins" | "passes";

/** Where a browser keeps nothing (some private windows), as long as the page is open. */
const meanwhile: Record<Table, Map<string, unknown>> = { "sign-ins": new Map(), passes: new Map() };

let opening: Promise<IDBDatabase | undefined> | undefined;

function database(): Promise<IDBDatabase | undefined> {
  opening ??= new Promise((resolve) => {
    try {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("sign-ins");
        asked.result.createObjectStore("passes");
      };
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => resolve(undefined);
    } catch {
      resolve(undefined);
    }
  });
  return opening;
}

async function within<T>(table: Table, mode: IDBTransactionMode, work: (rows: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  const open = await database();
  if (!open) return undefined;
  return new Promise((resolve, reject) => {
    const change = open.transaction(table, mode);
    const asked = work(change.objectStore(table));
    change.oncomplete = () => resolve(asked.result);
    change.onabort = change.onerror = () => reject(change.error ?? new Error("not kept"));
  });
}

export async function put(table: Table, key: string, value: unknown): Promise<void> {
  if (!(await database())) meanwhile[table].set(key, value);
  await within(table, "readwrite", (rows) => rows.put(value, key));
}

export async function get<T>(table: Table, key: string): Promise<T | undefined> {
  const found = await within(table, "readonly", (rows) => rows.get(key) as IDBRequest<T | undefined>);
  return found ?? (meanwhile[table].get(key) as T | undefined);
}

export async function every<T>(table: Table): Promise<T[]> {
  const found = await within(table, "readonly", (rows) => rows.getAll() as IDBRequest<T[]>);
  return found ?? ([...meanwhile[table].values()] as T[]);
}

export async function remove(table: Table, key: string): Promise<void> {
  meanwhile[table].delete(key);
  await within(table, "readwrite", (rows) => rows.delete(key));
}

export async function empty(table: Table): Promise<void> {
  meanwhile[table].clear();
  await within(table, "readwrite", (rows) => rows.clear());
}

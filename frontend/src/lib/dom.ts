/** Elements matching `selector` inside `root`. */
export function all<T extends HTMLElement>(selector: string, root: ParentNode = document): T[] {
  return [...root.querySelectorAll<T>(selector)];
}

/** Listens on the document for an event whose target lies in an element matching `selector` (swapped-in parts too). */
export function on<K extends keyof DocumentEventMap>(
  type: K,
  selector: string,
  handler: (element: HTMLElement, event: DocumentEventMap[K]) => void,
): void {
  document.addEventListener(type, (event) => {
    if (!(event.target instanceof Element)) return;
    const element = event.target.closest<HTMLElement>(selector);
    if (element) handler(element, event);
  });
}

/** Runs now and whenever htmx has put new content into the page. */
export function whenever(setup: (root: ParentNode) => void): void {
  setup(document);
  document.addEventListener("htmx:load", (event) => {
    if (event.target instanceof Element) setup(event.target);
  });
}

/** Whether the person is typing, so that a letter must stay a letter. */
export function typing(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  const target = event.target;
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
}

/** Says honestly that the phone is offline, and that it is back. */
export function startOfflineNote(): void {
  const note = document.querySelector<HTMLElement>("[data-offline]");
  if (!note) return;
  const show = (): void => {
    note.hidden = navigator.onLine;
  };
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
}

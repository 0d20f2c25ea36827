/** When the phone got this page, by its wall clock: before it was opened, where it comes from the phone's own memory. */
const arrived = { wall: Number(document.documentElement.dataset["keptAt"]) || Date.now(), steady: performance.now() };

/** Milliseconds since then. The steady clock stops while some phones sleep, the other may be put back: the later is right. */
export function elapsed(): number {
  return Math.round(Math.max(performance.now() - arrived.steady, Date.now() - arrived.wall));
}

/** How far the phone's clock was ahead of the server's (`made`: when the server made the page). */
export function skew(made: number): number {
  return Math.round(arrived.wall - made);
}

/** When this page reached the phone, for pages without a server's time of their own. */
export function arrivedAt(): number {
  return arrived.wall;
}

/** How long alarms took to reach the consoles, as the daemon measured it. */
import { get, session } from "./command.js";
import { link } from "./connection.js";
import { signal } from "./view.js";

/** Seconds. @typedef {{ count: number, p50: number | null, p99: number | null, max: number | null, limit: number }} Figures */
export const figures = signal(/** @type {Figures | null} */ (null));

setInterval(async () => {
  if (!session.peek() || link.peek() !== "live" || document.hidden) return;
  try {
    figures.value = await (await get("/api/latency")).json();
  } catch {
    figures.value = null;
  }
}, 5000);

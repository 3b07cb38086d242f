/** Reports to the daemon: this row has been painted, this tone runs. Each occurrence once. */
import { daemonTime } from "./clock.js";
import { may } from "./command.js";
import { tell } from "./connection.js";
import { flush } from "./store.js";

/** @typedef {import("./types").Standing} Standing */

/**
 * @param {"shown" | "sounded"} kind
 * @param {Standing[]} some
 */
export function perceived(kind, some) {
  const at = daemonTime();
  const fresh = some.filter(({ course }) => course[kind] === null);
  if (!fresh.length) return;
  for (const { course } of fresh) course[kind] = at;
  const live = fresh.filter(({ course }) => course.live);
  for (const prompt of [true, false]) {
    const some = live.filter(({ course }) => prompt !== (kind === "shown" && course.overlooked));
    const alarms = some.map(({ row }) => [row.id, row.occurrence]);
    // only the word of who may operate counts (daemon/web/receipts.py)
    for (let i = 0; may("operate") && i < alarms.length; i += 100) tell({ kind, prompt, alarms: alarms.slice(i, i + 100) });
  }
  flush();
}

/**
 * Call after these rows were put into the page: they count as painted two frames later, or after 250 ms
 * where the browser draws none.
 * @param {Standing[]} some
 */
export function painting(some) {
  const fresh = some.filter(({ course }) => course.shown === null);
  if (!fresh.length) return;
  let done = false;
  const report = () => {
    if (done) return;
    done = true;
    perceived("shown", fresh);
  };
  requestAnimationFrame(() => requestAnimationFrame(report));
  setTimeout(report, 250);
}

/** Requests to the daemon: signing in and out, acknowledging, silencing. */
import { signal } from "./view.js";

/** The name of this console in the record; kept by the browser. */
export const consoleName = (() => {
  const kept = localStorage.getItem("console");
  if (kept && /^[a-z0-9][a-z0-9-]{0,31}$/.test(kept)) return kept;
  const random = crypto.getRandomValues(new Uint8Array(3));
  const fresh = `console-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  localStorage.setItem("console", fresh);
  return fresh;
})();

export const session = signal(/** @type {import("./types").SessionFacts | null} */ (null));
/** The last thing this operator did here, for the foot of the page. */
export const lastAct = signal(/** @type {{ key: string, facts: Record<string, string>, at: number } | null} */ (null));

export class Refused extends Error {
  /** @param {number} status @param {Record<string, any>} answer */
  constructor(status, answer) {
    super(String(answer.error ?? status));
    this.status = status;
    this.answer = answer;
  }
}

/**
 * @param {string} path
 * @param {unknown} body
 */
async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-estate-console": consoleName },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10000),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

/** @param {string} path */
export async function get(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Refused(answer.status, {});
  return answer;
}

/** @param {string} name @param {string} password */
export async function signIn(name, password) {
  session.value = await post("/api/login", { name, password });
}

export async function signOut() {
  await post("/api/logout", {});
  session.value = null;
}

/** Whether the browser still holds a session; sets it or clears it. Raises when the daemon cannot be reached. */
export async function resumeSession() {
  session.value = await (await get("/api/session")).json();
}

/** @param {string} permission */
export const may = (permission) => session.value?.may.includes(permission) ?? false;

/** @typedef {"acknowledge" | "unacknowledge" | "reset" | "shelve" | "unshelve" | "remove_from_service" | "return_to_service"} Deed */

/**
 * @param {Deed} kind
 * @param {import("./types").AlarmRow} row
 * @param {Record<string, string | number>} [facts] what the deed asks for beside the occurrence
 */
export async function operate(kind, row, facts = {}) {
  const path = `/api/alarms/${encodeURIComponent(row.id)}/${kind}`;
  return post(path, { occurrence: row.occurrence, ...facts });
}

/**
 * Of a command that asks for a second step the first one raises Refused with status 428.
 * @param {string} equipment
 * @param {string} name
 * @param {{ id: string, reason: string, minutes?: number, confirm?: string }} wanted
 * @returns {Promise<import("./types").Given>}
 */
export async function giveCommand(equipment, name, wanted) {
  return post(`/api/equipment/${encodeURIComponent(equipment)}/commands/${encodeURIComponent(name)}`, wanted);
}

/** @param {[string, number][]} alarms */
export async function recordSilence(alarms) {
  return post("/api/silence", { alarms: alarms.slice(0, 100) });
}

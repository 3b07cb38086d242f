/** The daemon's clock as seen from here, a tick every second, and times in the site's zone. */
import { signal } from "./view.js";

/** Offsets of the last frames, ms: the smallest is the one that travelled fastest. @type {number[]} */
let offsets = [];
export const zone = signal("Asia/Shanghai");
/** The daemon's time, ms since 1970, once a second. */
export const now = signal(Date.now());

/** @param {string} sent a frame's own time */
export function hear(sent) {
  offsets.push(Date.now() - Date.parse(sent));
  if (offsets.length > 60) offsets = offsets.slice(-30);
}

/** The daemon's time now, ms since 1970. */
export function daemonTime() {
  return Date.now() - (offsets.length ? Math.min(...offsets) : 0);
}

setInterval(() => {
  now.value = daemonTime();
}, 1000);

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} inZone @param {boolean} day @param {boolean} millis */
function format(inZone, day, millis) {
  const key = `${inZone} ${day} ${millis}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("sv-SE", {
      timeZone: inZone,
      ...(day ? { year: "numeric", month: "2-digit", day: "2-digit" } : {}),
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      ...(millis ? { fractionalSecondDigits: /** @type {3} */ (3) } : {}),
    });
    formats.set(key, found);
  }
  return found;
}

/** `YYYY-MM-DD HH:mm:ss` @param {number} at */
export const dateTime = (at) => format(zone.value, true, false).format(at);
/** `HH:mm:ss` @param {number} at */
export const timeOfDay = (at) => format(zone.value, false, false).format(at);
/** `HH:mm:ss.mmm` @param {number} at */
export const exactTime = (at) => format(zone.value, false, true).format(at).replace(",", ".");

/** Today the time alone, else with its day. @param {number} at */
export function shortTime(at) {
  const whole = dateTime(at);
  return whole.slice(0, 10) === dateTime(now.value).slice(0, 10) ? whole.slice(11) : whole.slice(5);
}

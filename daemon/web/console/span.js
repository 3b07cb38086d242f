/** How long something has been, in words. */
import { t } from "./catalogue.js";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

/**
 * Seconds, minutes, hours or days; hours and days with what is left over in the next smaller unit.
 * @param {number} seconds
 * @param {boolean} [roughly] without what is left over
 */
export function spanWords(seconds, roughly = false) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return t("span.seconds", { n: whole });
  if (whole < HOUR) return t("span.minutes", { n: Math.floor(whole / MINUTE) });
  const [large, small, big, rest] =
    whole < DAY
      ? ["hours", "minutes", Math.floor(whole / HOUR), Math.floor((whole % HOUR) / MINUTE)]
      : ["days", "hours", Math.floor(whole / DAY), Math.floor((whole % DAY) / HOUR)];
  const words = t(`span.${large}`, { n: big });
  return roughly || !rest ? words : `${words} ${t(`span.${small}`, { n: rest })}`;
}

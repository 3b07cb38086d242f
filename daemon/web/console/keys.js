/** The keyboard: the whole alarm story without a mouse. */
import { acknowledgeCurrent, hush, move, openScreen, turn } from "./acting.js";
import { session } from "./command.js";
import { toggleKeyHelp } from "./key_help.js";
import { screen } from "./store.js";
import { askToShelve } from "./suppressing.js";

/** @param {EventTarget | null} target */
const typing = (target) => target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
/** @param {EventTarget | null} target */
const pressable = (target) => target instanceof Element && target.closest("button, a, [role=button]") !== null;

/** @type {Record<string, () => void>} */
const KEYS = {
  F1: () => openScreen("alarms"),
  F2: acknowledgeCurrent,
  F3: () => void hush(),
  F4: askToShelve,
  F6: () => openScreen("points"),
  F7: () => openScreen("map"),
  F9: () => move(-1, true),
  F10: () => move(1, true),
};
/** Only while nothing is being typed. @type {Record<string, () => void>} */
const PLAIN = {
  ArrowUp: () => move(-1),
  ArrowDown: () => move(1),
  ArrowLeft: () => turn(-1),
  ArrowRight: () => turn(1),
};

export function listen() {
  addEventListener("keydown", (event) => {
    if (!session.peek() || event.ctrlKey || event.altKey || event.metaKey) return;
    let action = KEYS[event.key] ?? (event.key === "?" && !typing(event.target) ? toggleKeyHelp : undefined);
    if (!action && !typing(event.target) && screen.peek() === "alarms") {
      action = PLAIN[event.key];
      if (event.key === "Enter" && !pressable(event.target)) action = acknowledgeCurrent;
    }
    if (!action) return;
    event.preventDefault();
    if (!event.repeat || event.key.startsWith("Arrow")) action();
  });
}

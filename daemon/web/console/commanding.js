/** Commands to equipment: what may be done and why not, for which reason, the second step where one is asked for, and what came of it. */
import { canOperate, explain, tellOperator } from "./acting.js";
import { known, say, t } from "./catalogue.js";
import { get, giveCommand, Refused, session } from "./command.js";
import { useKeptFocus } from "./focus.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./view.js";

/** @typedef {import("./types").Equipment} Equipment */
/** @typedef {import("./types").Offer} Offer */
/** @typedef {import("./types").Given} Given */
/** @typedef {{ id: string, reason: string, minutes?: number, confirm?: string }} Wanted */

const LOOK_EVERY = 1000; // ms between two looks at what became of it
const UNDER_WAY = new Set(["requested", "until", "sent"]);

/** Supervisors' commands are not shown to others; the daemon refuses them anyway. @param {Offer} offer */
const isMine = ({ label, role }) => label && (role !== "supervisor" || session.value?.role === "supervisor");

/** @param {unknown} error */
function whyNot(error) {
  return error instanceof Refused && error.answer.why ? say(error.answer.why) : explain(error);
}

/** The button that opens them, where this person may operate. @param {{ one: Equipment }} props */
export function Commands({ one }) {
  const [offers, setOffers] = useState(/** @type {Offer[] | null} */ (null));
  const [chosen, choose] = useState(/** @type {Offer | null} */ (null));
  const [given, setGiven] = useState(/** @type {Given | null} */ (null));

  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useKeptFocus(box);

  const load = async () => {
    try {
      setOffers(await (await get(`/api/equipment/${encodeURIComponent(one.id)}/commands`)).json());
    } catch (error) {
      tellOperator(explain(error), true);
    }
  };
  useEffect(() => {
    if (!given) return undefined;
    if (!UNDER_WAY.has(given.state)) {
      void load(); // what is allowed now is another matter than before
      return undefined;
    }
    const timer = setTimeout(async () => {
      try {
        setGiven(await (await get(`/api/commands/${encodeURIComponent(given.id)}`)).json());
      } catch {
        setGiven({ ...given }); // the link may be gone for a moment: look again
      }
    }, LOOK_EVERY);
    return () => clearTimeout(timer);
  }, [given]);

  if (!one.commands || !session.value?.may.includes("operate")) return null;
  if (!offers) return html`<div class="commands" ref=${box}><button data-testid="commands-button" disabled=${!canOperate()} onClick=${load}>${t("control.open")}</button></div>`;
  return html`<div class="commands" ref=${box} data-testid="commands">
    <div class="form-buttons">
      ${offers.filter(isMine).map(
        (offer) => html`<button
          data-testid="command-button"
          data-command=${offer.name}
          disabled=${!canOperate() || !offer.allowed}
          title=${say(offer.why)}
          onClick=${() => choose(offer)}
        >
          ${say(offer.label)}
        </button>`,
      )}
      <button class="quiet" onClick=${() => setOffers(null)}>${t("close")}</button>
    </div>
    ${chosen &&
    html`<${Form}
      key=${chosen.name}
      one=${one}
      offer=${chosen}
      done=${(/** @type {Given | null} */ answer) => {
        choose(null);
        if (answer) setGiven(answer);
      }}
    />`}
    ${given && html`<p data-testid="command-state" data-state=${given.state}>${t("command.said", { command: say(labelOf(offers, given)), state: stateWords(given.state) })}</p>`}
  </div>`;
}

/** @param {Offer[]} offers @param {Given} given */
const labelOf = (offers, given) => offers.find(({ name }) => name === given.command)?.label;

/** @param {string} state */
const stateWords = (state) => (known(`command.${state}`) ? t(`command.${state}`) : t("command.requested"));

/** @param {{ one: Equipment, offer: Offer, done: (given: Given | null) => void }} props */
function Form({ one, offer, done }) {
  const [wanted, want] = useState(/** @type {Wanted | null} */ (null));
  const [busy, setBusy] = useState(false);
  const first = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => first.current?.focus(), [wanted]);

  /** @param {Wanted} asked */
  const step = async (asked) => {
    setBusy(true);
    try {
      done(await giveCommand(one.id, offer.name, asked));
    } catch (error) {
      if (error instanceof Refused && error.status === 428) want({ ...asked, confirm: error.answer.confirm });
      else {
        tellOperator(whyNot(error), true);
        done(null);
      }
    } finally {
      setBusy(false);
    }
  };
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const said = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const minutes = Number(said.get("minutes"));
    const id = `desk-${[...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    void step({ id, reason: String(said.get("reason")).trim(), ...(minutes > 0 ? { minutes } : {}) });
  };
  if (wanted) {
    const facts = { command: say(offer.label), equipment: `${one.number} ${say(one.name)}` };
    return html`<div class="suppress-form" role="alertdialog" data-testid="command-confirm">
      <p>${t("control.confirm", facts)}</p>
      <div class="form-buttons">
        <button class="primary" data-testid="command-second" disabled=${busy || !canOperate()} onClick=${() => void step(wanted)}>
          ${t("control.second")}
        </button>
        <button ref=${first} onClick=${() => done(null)}>${t("cancel")}</button>
      </div>
    </div>`;
  }
  return html`<form class="suppress-form" data-testid="command-form" onSubmit=${submit}>
    <label>${t("suppression.reason")} <input ref=${first} name="reason" required pattern=".*\\S.*" minlength="2" maxlength="300" autocomplete="off" /></label>
    ${offer.longest &&
    html`<label>${t("control.minutes")} <input name="minutes" type="number" min="1" max=${Math.floor(offer.longest / 60)} step="1" /></label>`}
    <div class="form-buttons">
      <button class="primary" data-testid="command-first" disabled=${busy || !canOperate()}>${say(offer.label)}</button>
      <button type="button" onClick=${() => done(null)}>${t("cancel")}</button>
    </div>
  </form>`;
}

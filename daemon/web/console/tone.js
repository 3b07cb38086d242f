/** Tones by Web Audio: one rhythm per priority, rendered once and looped by the sound card, not by timers. */
import { signal } from "./view.js";

/** @typedef {1 | 2 | 3 | 4 | "link"} Tone */
/** @typedef {{ hertz: [number, number], from: number, to: number }} Note from and to in s; the pitch glides */
/** Cycle and end in seconds; `ends` 0 means until told otherwise. @type {Record<Tone, { cycle: number, ends: number, notes: Note[] }>} */
const TONES = {
  1: {
    cycle: 0.5,
    ends: 0,
    notes: [
      { hertz: [880, 880], from: 0, to: 0.25 },
      { hertz: [660, 660], from: 0.25, to: 0.5 },
    ],
  },
  2: { cycle: 2, ends: 0, notes: [0, 0.3, 0.6].map((from) => ({ hertz: [700, 700], from, to: from + 0.18 })) },
  3: { cycle: 5, ends: 15, notes: [{ hertz: [520, 520], from: 0, to: 0.4 }] },
  4: { cycle: 1, ends: 1, notes: [{ hertz: [400, 400], from: 0, to: 0.7 }] },
  link: { cycle: 2, ends: 0, notes: [{ hertz: [600, 300], from: 0, to: 1 }] },
};
const LEVEL = 0.35;
const EDGE = 0.01; // s of fade at each end of a note, against clicks

const context = new AudioContext();
const meter = context.createAnalyser();
meter.fftSize = 2048;
meter.connect(context.destination);

/** Whether the browser lets us be heard. */
export const audible = signal(context.state === "running");
/** What sounds now. */
export const sounding = signal(/** @type {Tone | null} */ (null));
/** Measured at the output: root mean square, 0 when nothing sounds. */
export const level = signal(0);

/** @type {AudioBufferSourceNode | null} */
let source = null;
/** @type {Map<Tone, AudioBuffer>} */
const rendered = new Map();
/** @type {() => void} */
let changed = () => {};

/** @param {() => void} listener called when sound becomes possible or impossible, or a tone has ended by itself */
export function onChange(listener) {
  changed = listener;
}

context.onstatechange = () => {
  audible.value = context.state === "running";
  changed();
};
for (const gesture of ["pointerdown", "keydown"]) {
  addEventListener(gesture, () => void resume(), { capture: true });
}

export async function resume() {
  if (context.state === "suspended") await context.resume();
}

/** @param {Tone} tone */
function render(tone) {
  const found = rendered.get(tone);
  if (found) return found;
  const { cycle, notes } = TONES[tone];
  const rate = context.sampleRate;
  const buffer = context.createBuffer(1, Math.round(cycle * rate), rate);
  const samples = buffer.getChannelData(0);
  for (const { hertz, from, to } of notes) {
    let phase = 0;
    const length = to - from;
    for (let i = 0; i < length * rate; i += 1) {
      const at = i / rate;
      phase += (2 * Math.PI * (hertz[0] + ((hertz[1] - hertz[0]) * at) / length)) / rate;
      const edge = Math.min(1, at / EDGE, (length - at) / EDGE);
      samples[Math.min(samples.length - 1, Math.round(from * rate) + i)] = LEVEL * edge * Math.sin(phase);
    }
  }
  rendered.set(tone, buffer);
  return buffer;
}

/**
 * Start this tone in place of the present one; null stops. True when it can be heard.
 * @param {Tone | null} tone
 * @param {boolean} [again] begin anew even if it sounds already
 */
export function play(tone, again = false) {
  if (context.state !== "running" && tone !== null) {
    silenceSource();
    return false;
  }
  if (tone === sounding.peek() && !again) return tone !== null;
  silenceSource();
  if (tone === null) return false;
  const { ends } = TONES[tone];
  const started = context.createBufferSource();
  started.buffer = render(tone);
  started.loop = true;
  started.connect(meter);
  started.onended = () => {
    if (source !== started) return;
    source = null;
    sounding.value = null;
    changed();
  };
  started.start();
  if (ends) started.stop(context.currentTime + ends);
  source = started;
  sounding.value = tone;
  return true;
}

function silenceSource() {
  const old = source;
  source = null;
  sounding.value = null;
  old?.stop();
  old?.disconnect();
}

const wave = new Float32Array(meter.fftSize);
setInterval(() => {
  if (context.state !== "running") level.value = 0;
  else {
    meter.getFloatTimeDomainData(wave);
    level.value = Math.sqrt(wave.reduce((sum, one) => sum + one * one, 0) / wave.length);
  }
  if (audible.peek() !== (context.state === "running")) audible.value = context.state === "running";
}, 500);

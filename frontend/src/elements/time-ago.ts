import { say } from "../text";

const STEPS: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

const relative = new Intl.RelativeTimeFormat(document.documentElement.lang || undefined, { style: "narrow" });

/** "in 14 m", "3 h ago"; the absolute time from a month on. */
function phrase(moment: Date, now: number): string {
  const seconds = Math.round((moment.getTime() - now) / 1000);
  if (Math.abs(seconds) > 30 * 86_400) return moment.toLocaleDateString(undefined, { dateStyle: "medium" });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return say("ago.now");
}

/** A moment with its zone named: "22 Nov 2026, 14:02:11 CET". */
function absolute(moment: Date, zone?: string): string {
  return new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
    ...(zone ? { timeZone: zone } : {}),
  }).format(moment);
}

/** The three times an operator may mean: the job's, their own, and UTC; each said once. */
function title(moment: Date, zone: string | undefined): string {
  const all = [...(zone ? [absolute(moment, zone)] : []), absolute(moment), absolute(moment, "UTC")];
  return [...new Set(all)].join(" · ");
}

const shown = new Set<TimeAgo>();
let timer = 0;

// A morph puts the server's words back into elements that stay.
document.addEventListener("htmx:afterSwap", () => shown.forEach((each) => each.refresh()));

/**
 * <time-ago zone="Europe/Paris"><time datetime="…">…</time></time-ago>
 *
 * Keeps a relative time true and names its zones on hover; with `clock` it shows the local time of day
 * and its zone instead. The server's text stands until then.
 */
class TimeAgo extends HTMLElement {
  static readonly observedAttributes = ["zone", "clock"];

  connectedCallback(): void {
    shown.add(this);
    timer ||= window.setInterval(() => document.hidden || shown.forEach((each) => each.refresh()), 10_000);
    this.refresh();
  }

  disconnectedCallback(): void {
    shown.delete(this);
    if (shown.size) return;
    clearInterval(timer);
    timer = 0;
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.refresh();
  }

  refresh(): void {
    const time = this.querySelector("time");
    const moment = new Date(time?.dateTime ?? "");
    if (!time || Number.isNaN(moment.getTime())) return;
    const text = this.hasAttribute("clock") ? timeOfDay(moment) : phrase(moment, Date.now());
    if (time.textContent !== text) time.textContent = text;
    time.title = title(moment, this.getAttribute("zone") ?? undefined);
  }
}

function timeOfDay(moment: Date): string {
  const today = new Date().toDateString() === moment.toDateString();
  return moment.toLocaleString(document.documentElement.lang || undefined, {
    ...(today ? {} : { day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
}

customElements.define("time-ago", TimeAgo);

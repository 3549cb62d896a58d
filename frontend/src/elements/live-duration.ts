/** 41 ms, 1.2 s, 2 m 14 s, 3 h 05 m: as the server's `duration` tag writes it. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  const two = (n: number): string => `${n}`.padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} m`;
}

/** The same without fractions: a counter that ticks once a second. */
function whole(ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
  return duration(ms);
}

/**
 * <live-duration since="2026-11-22T02:00:03Z">: a counter for what is still running; with `until` it counts
 * down.
 */
class LiveDuration extends HTMLElement {
  static readonly observedAttributes = ["since", "until"];
  private timer = 0;

  connectedCallback(): void {
    this.timer = window.setInterval(() => document.hidden || this.tick(), 1000);
    this.tick();
  }

  disconnectedCallback(): void {
    clearInterval(this.timer);
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.tick();
  }

  private tick(): void {
    const until = this.getAttribute("until");
    const moment = Date.parse(until ?? this.getAttribute("since") ?? "");
    if (Number.isNaN(moment)) return;
    const distance = until ? moment - Date.now() : Date.now() - moment;
    // Counting down, the second that has begun is still to come.
    const text = whole(Math.max(0, until ? Math.ceil(distance / 1000) * 1000 : distance));
    if (this.textContent !== text) this.textContent = text;
  }
}

customElements.define("live-duration", LiveDuration);

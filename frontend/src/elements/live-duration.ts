/** 41 ms, 1.2 s, 2 m 14 s, 3 h 05 m: as the server's `duration` tag writes it. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  const two = (n: number): string => `${n}`.padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} m`;
}

/** <live-duration since="2026-11-22T02:00:03Z">: a counter for what is still running. */
class LiveDuration extends HTMLElement {
  private timer = 0;

  connectedCallback(): void {
    this.timer = window.setInterval(() => this.tick(), 1000);
    this.tick();
  }

  disconnectedCallback(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const since = Date.parse(this.getAttribute("since") ?? "");
    if (Number.isNaN(since) || document.hidden) return;
    const elapsed = Math.max(0, Date.now() - since);
    this.textContent = duration(elapsed < 60_000 ? Math.floor(elapsed / 1000) * 1000 : elapsed).replace(".0 s", " s");
  }
}

customElements.define("live-duration", LiveDuration);

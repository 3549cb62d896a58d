const EVERY = 2000;
const LONGEST = 30_000;
const MINUTE = 60_000;

/** Milliseconds to the next round: two seconds for the first minute without an answer, then doubling to 30 s. */
export function pause(away: number, last: number): number {
  return away < MINUTE ? EVERY : Math.min(last * 2, LONGEST);
}

/** Rounds of polling for as long as a socket is down; none while the tab is hidden. */
export class Rounds {
  private timer = 0;
  private unheard = 0;

  constructor(private readonly ask: () => void) {}

  get going(): boolean {
    return this.timer !== 0;
  }

  /** Begin, unless they are going already: a failed try to connect must not start the minute anew. */
  start(): void {
    if (this.going) return;
    this.answered();
    this.plan(EVERY);
  }

  /** The server is there, only the socket is not: the rounds stay quick. */
  answered(): void {
    this.unheard = Date.now();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  private plan(wait: number): void {
    this.timer = window.setTimeout(() => {
      this.plan(pause(Date.now() - this.unheard, wait));
      if (!document.hidden) this.ask();
    }, wait);
  }
}

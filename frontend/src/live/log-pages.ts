import type { WireLine } from "../log/line";

/** `state` is the run's, read before the lines. */
export type LogPage = { lines: WireLine[]; last: number; more: boolean; state?: string };

export const TAIL = 2000;
export const PAGE = 5000;

/** Reads a run's log over HTTP, a page at a time. `url` is the run's `…/logs`. */
export class LogPages {
  constructor(
    private readonly url: string,
    private readonly signal: AbortSignal,
  ) {}

  tail(): Promise<LogPage> {
    return this.get({ tail: TAIL });
  }

  after(seq: number): Promise<LogPage> {
    return this.get({ after: seq, limit: PAGE });
  }

  before(seq: number, limit = PAGE): Promise<LogPage> {
    return this.get({ before: seq, limit });
  }

  private async get(query: Record<string, number>): Promise<LogPage> {
    const address = new URL(this.url, location.href);
    address.searchParams.set("format", "rows");
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, `${value}`);
    const answer = await fetch(address, { signal: this.signal, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return (await answer.json()) as LogPage;
  }
}

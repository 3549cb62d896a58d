import type { WireLine } from "../log/line";
import type { Appended } from "../log/model";
import type { LineRange } from "../log/permalink";
import type { LogPage } from "./log-pages";

/** What a log is written to: <log-view>, or a list in a test. */
export interface LogSink {
  readonly model: { readonly first: number; readonly last: number; readonly size: number };
  addNewer(lines: readonly WireLine[]): Appended;
  addOlder(lines: readonly WireLine[]): number;
  settle(change: { loading?: boolean; ended?: boolean }): void;
}

export interface LogReader {
  tail(): Promise<LogPage>;
  after(seq: number): Promise<LogPage>;
  before(seq: number, limit?: number): Promise<LogPage>;
}

type Options = { cap: number; idle: () => Promise<void> };

/**
 * Brings a run's log together: the tail first, then what the socket says, holes fetched again, and the
 * older lines page by page while the browser is idle. Nothing is shown twice and nothing is left out.
 */
export class RunLog {
  /** The highest line anybody has told us of. */
  private known = 0;
  private catching: Promise<void> | null = null;
  /** The run's state as the last page told it. */
  state = "";

  constructor(
    private readonly reader: LogReader,
    private readonly sink: LogSink,
    private readonly options: Options,
  ) {}

  /** The last lines, so that something stands on the page at once. */
  async open(): Promise<void> {
    this.take(await this.reader.tail());
  }

  /** Lines from the socket. */
  async lines(lines: readonly WireLine[]): Promise<void> {
    this.known = Math.max(this.known, lines.at(-1)?.[0] ?? 0);
    if (this.catching) return this.catching;
    const { model } = this.sink;
    // A run with no line yet starts at 1: anything later means that the beginning was missed.
    const hole = model.last === 0 && (lines[0]?.[0] ?? 1) > 1;
    if (hole || this.sink.addNewer(lines).gap) await this.catchUp();
  }

  /** The server left lines out for us; they are in the table. */
  async skipped(to: number): Promise<void> {
    this.known = Math.max(this.known, to);
    await this.catchUp();
  }

  /** Fetch what is missing after the last line held, until everything known of is here. */
  catchUp(): Promise<void> {
    this.catching ??= this.fetchMissing().finally(() => (this.catching = null));
    return this.catching;
  }

  /** Older lines down to the first, or to the cap. */
  async backfill(): Promise<void> {
    const { model } = this.sink;
    while (model.first > 1 && model.size < this.options.cap) {
      await this.options.idle();
      const limit = Math.min(5000, this.options.cap - model.size);
      const page = await this.reader.before(model.first, limit);
      if (!this.sink.addOlder(page.lines)) break;
    }
    this.sink.settle({ loading: false });
  }

  /** Fetch backwards until a line is held, when it lies within the cap. */
  async reach(range: LineRange): Promise<boolean> {
    const { model } = this.sink;
    while (range.from < model.first && model.size < this.options.cap) {
      const page = await this.reader.before(model.first);
      if (!this.sink.addOlder(page.lines)) break;
    }
    return range.from >= model.first && range.from <= model.last;
  }

  private async fetchMissing(): Promise<void> {
    for (;;) {
      const before = this.sink.model.last;
      const page = await this.reader.after(before);
      this.take(page);
      const { last } = this.sink.model;
      if (last === before || (!page.more && last >= this.known)) return;
    }
  }

  private take(page: LogPage): void {
    this.known = Math.max(this.known, page.last);
    this.state = page.state ?? this.state;
    this.sink.addNewer(page.lines);
  }
}

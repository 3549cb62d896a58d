import { type Filter, isOff, NO_FILTER, passes } from "./filter";
import { height, type WireLine } from "./line";

const CHUNK = 1024;

/** 1,024 lines in columns: an array per field is a fifth of the memory of an object per line. */
class Chunk {
  readonly ts = new Float64Array(CHUNK);
  readonly level = new Uint8Array(CHUNK);
  readonly step = new Uint16Array(CHUNK);
  readonly source = new Uint8Array(CHUNK);
  readonly logger: string[] = [];
  readonly message: string[] = [];
}

export type Appended = { added: number; gap: { from: number; to: number } | null };

/**
 * The lines held, and which of them the filter shows.
 *
 * Lines are addressed by `seq`, which has no holes, so older lines can be put in front without moving
 * anything. What is shown is addressed by *position*, from `low` to `high` - 1: without a filter the
 * position is the seq itself; with one, position 0 is the first match found and older matches get
 * negative positions. Either way a position never changes once given, so the DOM built on it holds.
 */
export class LogModel {
  first = 0;
  last = 0;
  readonly counts = [0, 0, 0, 0];
  filter: Filter = { ...NO_FILTER };
  private chunks: (Chunk | undefined)[] = [];
  private newer: number[] = [];
  private older: number[] = [];
  private dropped = 0;

  get size(): number {
    return this.last ? this.last - this.first + 1 : 0;
  }

  /** Add newer lines. Known ones are skipped; after a hole nothing is added and the hole is told. */
  append(lines: readonly WireLine[]): Appended {
    let added = 0;
    for (const line of lines) {
      const seq = line[0];
      if (this.last && seq <= this.last) continue;
      if (this.last && seq > this.last + 1) return { added, gap: { from: this.last + 1, to: seq - 1 } };
      if (!this.last) this.first = seq;
      this.put(line);
      this.last = seq;
      added += 1;
      if (this.filtered && this.shows(seq)) this.newer.push(seq);
    }
    return { added, gap: null };
  }

  /** Put older lines in front; they must end just before the first one held. */
  prepend(lines: readonly WireLine[]): number {
    let added = 0;
    for (let i = lines.length - 1; i >= 0; i -= 1) {
      const line = lines[i]!;
      if (line[0] >= this.first) continue;
      if (line[0] !== this.first - 1) break;
      this.put(line);
      this.first = line[0];
      added += 1;
      if (this.filtered && this.shows(line[0])) this.older.push(line[0]);
    }
    return added;
  }

  /** Forget the oldest lines so that at most `keep` remain. */
  trim(keep: number): number {
    const cut = this.last - keep + 1;
    if (cut <= this.first) return 0;
    const gone = cut - this.first;
    for (let seq = this.first; seq < cut; seq += 1) this.counts[this.level(seq)]! -= 1;
    for (let chunk = Math.floor(this.first / CHUNK); chunk < Math.floor(cut / CHUNK); chunk += 1) {
      this.chunks[chunk] = undefined;
    }
    this.first = cut;
    if (this.filtered) this.forgetBefore(cut);
    return gone;
  }

  refilter(filter: Filter): void {
    this.filter = { ...filter, text: filter.text.toLowerCase() };
    this.newer = [];
    this.older = [];
    this.dropped = 0;
    if (!this.filtered) return;
    for (let seq = this.first; this.last && seq <= this.last; seq += 1) {
      if (this.shows(seq)) this.newer.push(seq);
    }
  }

  get filtered(): boolean {
    return !isOff(this.filter);
  }

  get low(): number {
    return this.filtered ? this.dropped - this.older.length : this.first;
  }

  get high(): number {
    return this.filtered ? this.newer.length : this.last + (this.last ? 1 : 0);
  }

  /** The seq at a position. */
  at(position: number): number {
    if (!this.filtered) return position;
    return position >= 0 ? this.newer[position]! : this.older[-1 - position]!;
  }

  /** The position of a line, or null when it is not held or the filter hides it. */
  find(seq: number): number | null {
    if (!this.last || seq < this.first || seq > this.last) return null;
    if (!this.filtered) return seq;
    const position = this.atOrAfter(seq);
    return position < this.high && this.at(position) === seq ? position : null;
  }

  /** The first position whose line is `seq` or newer; `high` when there is none. */
  atOrAfter(seq: number): number {
    let from = this.low;
    let to = this.high;
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if (this.at(middle) < seq) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The nearest shown ERROR after (or before) a line, going round the end; null when there is none. */
  error(from: number, direction: 1 | -1): number | null {
    const count = this.high - this.low;
    const after = this.atOrAfter(from);
    const exact = after < this.high && this.at(after) === from;
    let position = direction > 0 && !exact ? after - 1 : after;
    for (let i = 0; i < count; i += 1) {
      position += direction;
      if (position >= this.high) position = this.low;
      if (position < this.low) position = this.high - 1;
      if (this.level(this.at(position)) === 3) return this.at(position);
    }
    return null;
  }

  ts(seq: number): number {
    return this.chunk(seq).ts[seq % CHUNK]!;
  }

  level(seq: number): number {
    return this.chunk(seq).level[seq % CHUNK]!;
  }

  step(seq: number): number {
    return this.chunk(seq).step[seq % CHUNK]!;
  }

  fromFramework(seq: number): boolean {
    return this.chunk(seq).source[seq % CHUNK] === 0;
  }

  logger(seq: number): string {
    return this.chunk(seq).logger[seq % CHUNK]!;
  }

  message(seq: number): string {
    return this.chunk(seq).message[seq % CHUNK]!;
  }

  /** Rows of text the positions [from, to) fill when lines are not wrapped. */
  rows(from: number, to: number): number {
    let rows = 0;
    for (let position = from; position < to; position += 1) rows += height(this.message(this.at(position)));
    return rows;
  }

  private chunk(seq: number): Chunk {
    return this.chunks[Math.floor(seq / CHUNK)]!;
  }

  private put([seq, ts, level, step, logger, message, source]: WireLine): void {
    const chunk = (this.chunks[Math.floor(seq / CHUNK)] ??= new Chunk());
    const at = seq % CHUNK;
    chunk.ts[at] = ts;
    chunk.level[at] = level;
    chunk.step[at] = step;
    chunk.source[at] = source;
    chunk.logger[at] = logger;
    chunk.message[at] = message;
    this.counts[level]! += 1;
  }

  private shows(seq: number): boolean {
    return passes(this.filter, this.level(seq), this.step(seq), () => this.message(seq));
  }

  private forgetBefore(seq: number): void {
    while (this.older.length && this.older.at(-1)! < seq) this.older.pop();
    if (this.older.length) return;
    while (this.dropped < this.newer.length && this.newer[this.dropped]! < seq) this.dropped += 1;
  }
}


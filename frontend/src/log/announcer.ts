import { say } from "../text";

const EVERY = 10_000;

/** Tells a screen reader at most every ten seconds how much arrived, instead of reading every line. */
export class Announcer {
  private lines = 0;
  private errors = 0;
  private timer: number | undefined;

  constructor(private readonly region: HTMLElement) {}

  add(lines: number, errors: number): void {
    this.lines += lines;
    this.errors += errors;
    this.timer ??= window.setTimeout(() => this.speak(), EVERY);
  }

  say(sentence: string): void {
    this.region.textContent = sentence;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private speak(): void {
    this.timer = undefined;
    this.say(say("log.announce", { lines: this.lines, errors: this.errors }));
    this.lines = 0;
    this.errors = 0;
  }
}

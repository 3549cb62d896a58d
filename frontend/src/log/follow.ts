/** Keeps a scrolling box at its end until the reader scrolls up, and again once they come back down. */
export class Follow {
  on = true;
  private lastTop = 0;

  constructor(
    private readonly box: HTMLElement,
    private readonly changed: (on: boolean) => void,
  ) {
    box.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  set(on: boolean): void {
    if (on) this.toEnd();
    if (on === this.on) return;
    this.on = on;
    this.changed(on);
  }

  toEnd(): void {
    this.box.scrollTop = this.box.scrollHeight;
    this.lastTop = this.box.scrollTop;
  }

  /** Run a change that adds or removes text above the reader without moving what they read. */
  hold(change: () => void): void {
    const fromEnd = this.box.scrollHeight - this.box.scrollTop;
    change();
    this.box.scrollTop = this.box.scrollHeight - fromEnd;
    this.lastTop = this.box.scrollTop;
  }

  private scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.box;
    const atEnd = scrollTop + clientHeight >= scrollHeight - 36;
    const wentUp = scrollTop < this.lastTop;
    this.lastTop = scrollTop;
    if (atEnd && !this.on) this.set(true);
    else if (wentUp && !atEnd && this.on) this.set(false);
  }
}

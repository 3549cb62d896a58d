import { Announcer } from "../log/announcer";
import { ANY_STEP, type Filter } from "../log/filter";
import { Follow } from "../log/follow";
import type { WireLine } from "../log/line";
import { type Appended, LogModel } from "../log/model";
import { Pager } from "../log/pager";
import { format, type LineRange } from "../log/permalink";
import { say } from "../text";

/** Lines kept in the page; beyond it the oldest go, and the banner says so. */
export const CAP = 200_000;
const SLACK = 10_000;

/**
 * <log-view step="2" steps='["copy", "send"]' notice="…">: the lines of one run, live, at any length.
 *
 * Fed through `addNewer` and `addOlder` (by <live-run>), ruled through `show`, `goto`, `setFollow` and
 * `setWrap` (by <log-tools>). Fires `log-change` when anything its tools show has changed.
 */
export class LogView extends HTMLElement {
  static readonly observedAttributes = ["step", "notice"];
  readonly model = new LogModel();
  /** Older lines are still on their way. */
  loading = true;
  /** Nothing more will be written. */
  ended = false;
  private readonly scroller = part("div", "log-scroller");
  private readonly host = part("div", "log-lines");
  private readonly banner = part("p", "log-banner");
  private readonly empty = part("p", "log-empty");
  private readonly heading = part("p", "log-heading");
  private readonly place = part("span", "log-place");
  private readonly count = part("span", "log-count");
  private readonly region = part("p", "sr-only");
  private readonly pager = new Pager(this.model, this.host, this.scroller);
  private readonly announcer = new Announcer(this.region);
  private readonly follower = new Follow(this.scroller, () => this.changed());
  private names: string[] = [];
  private frame = 0;
  private anchor = 0;

  connectedCallback(): void {
    if (this.scroller.isConnected) return;
    this.names = JSON.parse(this.getAttribute("steps") ?? "[]") as string[];
    this.scroller.tabIndex = 0;
    this.scroller.role = "log";
    this.scroller.ariaLive = "off";
    this.scroller.ariaLabel = this.getAttribute("label") ?? "Log";
    this.region.role = "status";
    this.heading.append(this.place, this.count);
    this.scroller.append(this.host);
    this.replaceChildren(this.banner, this.heading, this.scroller, this.empty, this.region);
    this.scroller.addEventListener("scroll", () => this.schedule(), { passive: true });
    this.host.addEventListener("click", (event) => this.clicked(event));
    this.applyStep();
    this.schedule();
  }

  disconnectedCallback(): void {
    this.announcer.stop();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  attributeChangedCallback(name: string): void {
    if (!this.isConnected) return;
    if (name === "step") this.applyStep();
    else this.schedule();
  }

  get following(): boolean {
    return this.follower.on;
  }

  get wrapping(): boolean {
    return this.hasAttribute("wrap");
  }

  /** Newer lines. The answer names a hole when the lines do not join what is held. */
  addNewer(lines: readonly WireLine[]): Appended {
    const errors = this.model.counts[3]!;
    const result = this.model.append(lines);
    if (result.added) this.announcer.add(result.added, Math.max(0, this.model.counts[3]! - errors));
    if (this.model.size > CAP + SLACK) this.trim();
    this.schedule();
    return result;
  }

  /** Older lines, in front of those held. */
  addOlder(lines: readonly WireLine[]): number {
    const added = this.model.prepend(lines);
    if (added) this.still(() => this.pager.sync());
    this.schedule();
    return added;
  }

  show(change: Partial<Filter>): void {
    this.model.refilter({ ...this.model.filter, ...change });
    this.rebuild();
  }

  /** Scroll to a line and mark it; false when it is not held. Lifts a filter that hides it. */
  goto(range: LineRange, { record = true } = {}): boolean {
    if (range.from < this.model.first || range.from > this.model.last) return false;
    if (this.model.find(range.from) === null) this.lift();
    this.mark(range);
    this.follower.set(false);
    const row = this.pager.reveal(this.model.find(range.from) ?? 0);
    row?.scrollIntoView({ block: "center" });
    if (record) history.replaceState(history.state, "", format(range));
    this.schedule();
    return true;
  }

  nextError(direction: 1 | -1): void {
    const from = this.pager.marked?.from ?? (direction > 0 ? this.model.first - 1 : this.model.last + 1);
    const seq = this.model.error(from, direction);
    if (seq === null) this.announcer.say(say("log.noErrors"));
    else this.goto({ from: seq, to: seq });
  }

  setFollow(on: boolean): void {
    if (on) this.pager.revealEnd();
    this.follower.set(on);
  }

  setWrap(on: boolean): void {
    this.toggleAttribute("wrap", on);
    if (this.following) this.follower.toEnd();
    this.changed();
  }

  /** Say that something about the flow changed: loading finished, the run ended. */
  settle(change: { loading?: boolean; ended?: boolean }): void {
    Object.assign(this, change);
    this.schedule();
  }

  private applyStep(): void {
    const step = this.getAttribute("step");
    this.show({ step: step === null || step === "" ? ANY_STEP : Number(step) });
  }

  private lift(): void {
    this.removeAttribute("step");
    this.show({ levels: 0b1111, step: ANY_STEP, text: "" });
  }

  private rebuild(): void {
    this.pager.clear();
    this.pager.sync();
    if (this.following) this.setFollow(true);
    else this.scroller.scrollTop = 0;
    this.schedule();
  }

  private trim(): void {
    this.model.trim(CAP);
    this.still(() => this.pager.sync());
  }

  /** A wrapped log is held in place by the browser's own scroll anchoring. */
  private still(change: () => void): void {
    if (this.wrapping || this.following) change();
    else this.follower.hold(change);
  }

  private mark(range: LineRange): void {
    this.pager.marked = range;
    this.anchor = range.from;
    for (const row of this.host.querySelectorAll<HTMLElement>(".log-row")) {
      const seq = Number(row.dataset.seq);
      row.classList.toggle("log-marked", seq >= range.from && seq <= range.to);
    }
  }

  private clicked(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    if (!target.classList.contains("log-number")) return;
    event.preventDefault();
    const seq = Number(target.dataset.number);
    const start = event.shiftKey && this.anchor ? this.anchor : seq;
    const range = { from: Math.min(start, seq), to: Math.max(start, seq) };
    this.mark(range);
    this.anchor = start;
    history.replaceState(history.state, "", format(range));
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  private paint(): void {
    this.pager.sync();
    if (this.following) {
      this.pager.revealEnd();
      this.follower.toEnd();
    }
    this.paintHeading();
    this.paintNotes();
    this.changed();
  }

  /** The step the topmost visible line belongs to stays in sight. */
  private paintHeading(): void {
    const { low, high } = this.model;
    const seq = high <= low ? 0 : this.following ? this.model.at(high - 1) : this.topSeq();
    const step = seq ? this.model.step(seq) : 0;
    const name = this.names[step - 1] ?? "";
    put(this.place, name && `${step} · ${name}`);
    put(this.count, this.told());
  }

  /** How much is shown, out of how much there is. */
  private told(): string {
    const { low, high, size, last } = this.model;
    const total = this.loading ? last : size;
    const shown = high - low;
    return shown === total ? say("log.all", { total }) : say("log.count", { shown, total });
  }

  private topSeq(): number {
    const box = this.scroller.getBoundingClientRect();
    const under = document.elementFromPoint(box.left + 24, box.top + 20)?.closest<HTMLElement>(".log-row");
    return under && this.contains(under) ? Number(under.dataset.seq) : 0;
  }

  private paintNotes(): void {
    const { first, last, size, low, high, filter } = this.model;
    const cut = size >= CAP && first > 1;
    const window = cut ? say("log.window", { from: first, to: last, total: last }) : "";
    put(this.banner, [this.getAttribute("notice"), window].filter(Boolean).join(" "));
    this.banner.hidden = !this.banner.textContent;
    this.empty.hidden = high > low;
    if (high > low) return;
    const onlyStep = filter.step !== ANY_STEP && filter.levels === 0b1111 && !filter.text;
    if (!size) this.empty.textContent = say(this.loading ? "log.loading" : this.ended ? "log.nothing" : "log.waiting");
    else if (this.loading) this.empty.textContent = say("log.noMatchYet");
    else this.empty.textContent = say(onlyStep ? "log.stepNothing" : "log.noMatch");
  }

  private changed(): void {
    this.dispatchEvent(new CustomEvent("log-change"));
  }
}

/** Text nodes are left alone when nothing changed: this runs on every frame. */
function put(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function part(tag: "div" | "p" | "span", className: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

customElements.define("log-view", LogView);

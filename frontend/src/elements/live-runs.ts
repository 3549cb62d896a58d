import { coalesce } from "../live/backoff";
import { say } from "../text";

type Fact = { id: string; state: string };

const SETTLE = 1000;
const BEAT = 5000;
/** A page scrolled further than this is being read: nothing may move on it. */
const TOP = 120;

/**
 * <live-runs for="runs"><button hidden></button></live-runs>: keeps a list of runs fresh.
 *
 * The list fetches itself on `nf:runs` on <body>: after a change of any run, at most once a second, and
 * every five seconds while a row is `[data-running]`; while the socket is down, in the page's rounds of polling. While the reader is further
 * down, the list stands still and the button says how many runs are new.
 */
class LiveRuns extends HTMLElement {
  private stop = new AbortController();
  private timer = 0;
  private readonly fresh = new Set<string>();
  private stale = false;
  private readonly refresh = coalesce(() => this.ask(), SETTLE);

  connectedCallback(): void {
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.body.addEventListener("nf:fact", (event) => this.hear((event as CustomEvent<Fact>).detail), { signal });
    for (const name of ["nf:stale", "nf:poll"]) document.body.addEventListener(name, () => this.moved(), { signal });
    addEventListener("scroll", () => this.scrolled(), { signal, passive: true });
    this.button?.addEventListener("click", () => scrollTo({ top: 0 }), { signal });
    this.timer = window.setInterval(() => this.beat(), BEAT);
  }

  disconnectedCallback(): void {
    this.stop.abort();
    clearInterval(this.timer);
  }

  private get button(): HTMLButtonElement | null {
    return this.querySelector("button");
  }

  private get list(): HTMLElement | null {
    return document.getElementById(this.getAttribute("for") ?? "");
  }

  private hear(fact: Fact): void {
    if (fact.state === "QUEUED") this.fresh.add(fact.id);
    this.moved();
  }

  private moved(): void {
    this.stale = true;
    if (scrollY <= TOP) this.refresh();
    else this.tell();
  }

  private scrolled(): void {
    if (this.stale && scrollY <= TOP) this.refresh();
  }

  private beat(): void {
    const live = document.documentElement.dataset.live === "live";
    if (!document.hidden && live && this.list?.querySelector("[data-running]")) this.moved();
  }

  private ask(): void {
    if (!this.isConnected || !this.list?.hasAttribute("data-fresh")) return;
    this.stale = false;
    this.fresh.clear();
    this.tell();
    document.body.dispatchEvent(new CustomEvent("nf:runs"));
  }

  private tell(): void {
    const { button } = this;
    if (!button) return;
    const count = this.fresh.size;
    button.hidden = !count;
    button.textContent = count ? say(count === 1 ? "runs.newOne" : "runs.new", { count }) : "";
  }
}

customElements.define("live-runs", LiveRuns);

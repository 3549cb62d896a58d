import { Rounds } from "../live/rounds";
import { LiveSocket, type SocketState } from "../live/socket";
import { say } from "../text";

type Fact = { t: "run"; id: string; job: string; state: string };

const SETTLE = 1000;
const MOVED = 1500;

/**
 * <live-feed src="/ws/feed">: the page's connection dot and its ear.
 *
 * The socket brings facts, never HTML: each becomes an event `nf:job-<id>` on <body> (at most one a
 * second per job), on which the job's card fetches itself; so rights stay where the page is made. `nf:moved`
 * follows once for many of them, for what counts. While
 * the socket is down, there are rounds of polling: each is told as `nf:poll`, and cards with a run in flight
 * (`data-running`) are asked for; one of them only until the server has answered.
 */
class LiveFeed extends HTMLElement {
  private socket: LiveSocket | null = null;
  private readonly rounds = new Rounds(() => this.askRunning());
  private answers = false;
  private stop = new AbortController();
  private moved = 0;
  private wasDown = false;
  private readonly due = new Map<string, number>();

  connectedCallback(): void {
    const path = this.getAttribute("src");
    if (!path) return;
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.body.addEventListener("htmx:afterRequest", (event) => this.asked(event as CustomEvent), { signal });
    this.socket = new LiveSocket({
      path: () => path,
      message: (data) => this.hear(data as Fact),
      state: (state, since) => this.reflect(state, since),
    });
  }

  disconnectedCallback(): void {
    this.socket?.close();
    this.stop.abort();
    this.rounds.stop();
    clearTimeout(this.moved);
    for (const timer of this.due.values()) clearTimeout(timer);
    this.due.clear();
  }

  private hear(fact: Fact): void {
    if (fact.t !== "run") return;
    document.body.dispatchEvent(new CustomEvent("nf:fact", { detail: fact }));
    this.moved ||= window.setTimeout(() => this.tellMoved(), MOVED);
    if (this.due.has(fact.job)) return;
    const timer = window.setTimeout(() => {
      this.due.delete(fact.job);
      this.refresh(fact.job);
    }, this.due.size ? SETTLE : 50);
    this.due.set(fact.job, timer);
  }

  private tellMoved(): void {
    this.moved = 0;
    document.body.dispatchEvent(new CustomEvent("nf:moved"));
  }

  private refresh(job: string): void {
    document.body.dispatchEvent(new CustomEvent(`nf:job-${job}`));
  }

  private reflect(state: SocketState, since: Date): void {
    this.dataset.live = state;
    document.documentElement.dataset.live = state;
    const place = this.querySelector("[data-live-text]");
    const time = since.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const key = state === "connecting" ? "reconnecting" : state;
    if (place) place.textContent = say(`live.${key}`, { time });
    this.catchUp(state);
  }

  private catchUp(state: SocketState): void {
    if (state === "connecting" || state === "reconnecting" || state === "offline") {
      if (!this.rounds.going) this.answers = false;
      this.rounds.start();
    } else this.rounds.stop();
    if (state === "live" && this.wasDown) document.body.dispatchEvent(new CustomEvent("nf:stale"));
    this.wasDown = state !== "live" && (this.wasDown || state !== "connecting");
  }

  private askRunning(): void {
    document.body.dispatchEvent(new CustomEvent("nf:poll"));
    const cards = [...document.querySelectorAll<HTMLElement>("[data-job][data-running]")];
    for (const card of this.answers ? cards : cards.slice(0, 1)) this.refresh(card.dataset.job!);
  }

  private asked(event: CustomEvent<{ successful?: boolean }>): void {
    this.answers = event.detail.successful === true;
    if (this.answers) this.rounds.answered();
  }
}

customElements.define("live-feed", LiveFeed);

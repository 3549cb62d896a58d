import { coalesce } from "../live/backoff";
import { LogPages } from "../live/log-pages";
import { RunLog } from "../live/run-log";
import { Rounds } from "../live/rounds";
import { LiveSocket, type SocketState } from "../live/socket";
import type { WireLine } from "../log/line";
import { parse } from "../log/permalink";
import { say } from "../text";
import { CAP, LogView } from "./log-view";

type Message =
  | { t: "lines"; from: number; to: number; lines: WireLine[] }
  | { t: "state"; run: Record<string, unknown> }
  | { t: "skipped"; from: number; to: number }
  | { t: "end" };

const FINAL = ["SUCCEEDED", "PARTIAL", "FAILED", "CANCELED", "SKIPPED"];
/** How often a running run is asked for although nothing was said: its bars grow. */
const BEAT = 5000;

const idle = (): Promise<void> =>
  new Promise((resolve) => {
    if ("requestIdleCallback" in window) requestIdleCallback(() => resolve(), { timeout: 1000 });
    else setTimeout(resolve, 50);
  });

/**
 * <live-run run="run_00a8c" log="ID" logs="/admin/jobs/runs/run_00a8c/logs" focus-line="12" final>
 *
 * Feeds the log view with a run's lines and tells the page about its moves: `nf:run` on <body> (at most
 * once a second) makes the header and the timeline fetch themselves again. Shows the state of the
 * connection in its own `[data-live-text]`. With `final` the run has ended: no socket is opened. While
 * the socket is down the log is asked for in rounds, and the rest once the log has answered.
 */
class LiveRun extends HTMLElement {
  private stop = new AbortController();
  private socket: LiveSocket | null = null;
  private view: LogView | null = null;
  private log: RunLog | null = null;
  private timer = 0;
  private readonly rounds = new Rounds(() => void this.poll());
  private readonly moved = coalesce(() => document.body.dispatchEvent(new CustomEvent("nf:run")), 1000);

  connectedCallback(): void {
    const view = document.getElementById(this.getAttribute("log") ?? "");
    if (!(view instanceof LogView)) return;
    this.stop = new AbortController();
    this.view = view;
    this.start(view);
    addEventListener("hashchange", () => void this.followLink(), { signal: this.stop.signal });
  }

  disconnectedCallback(): void {
    this.stop.abort();
    this.rest();
    this.socket?.close();
    this.socket = null;
  }

  private start(view: LogView): void {
    const reader = new LogPages(this.getAttribute("logs") ?? "", this.stop.signal);
    this.log = new RunLog(reader, view, { cap: CAP, idle });
    void this.load(this.log, view);
  }

  private async load(log: RunLog, view: LogView): Promise<void> {
    try {
      await log.open();
      if (this.hasAttribute("final")) this.finished("ended");
      else this.connect(log, view);
      await this.followLink();
      await log.backfill();
    } catch (error) {
      if (this.stop.signal.aborted) return;
      view.settle({ loading: false });
      this.fail(error);
    }
  }

  private connect(log: RunLog, view: LogView): void {
    if (this.stop.signal.aborted) return;
    const run = encodeURIComponent(this.getAttribute("run") ?? "");
    this.socket = new LiveSocket({
      path: () => `/ws/runs/${run}?after=${view.model.last}`,
      message: (data) => void this.hear(data as Message, log).catch((error: unknown) => this.fail(error)),
      state: (state, since) => this.reflect(state, since),
    });
  }

  private async hear(message: Message, log: RunLog): Promise<void> {
    if (message.t === "lines") await log.lines(message.lines);
    else if (message.t === "skipped") await log.skipped(message.to);
    else if (message.t === "state") this.moved();
    else if (message.t === "end") {
      // First: the server closes now, and that must not look like a cut.
      this.finished("ended");
      this.moved();
      await log.catchUp();
    }
  }

  /** `#L12`, else the line the server wants seen first (the first error of a failed run). */
  private async followLink(): Promise<void> {
    const focus = this.getAttribute("focus-line");
    const range = parse(location.hash) ?? (focus ? { from: Number(focus), to: Number(focus) } : null);
    if (!range || !this.log || !this.view) return;
    if (await this.log.reach(range)) this.view.goto(range, { record: false });
    else this.tell(say("log.lineGone", { line: range.from }));
  }

  private beat(): void {
    if (!document.hidden) this.moved();
  }

  private get down(): boolean {
    return this.dataset.live === "reconnecting" || this.dataset.live === "offline";
  }

  /** Without the socket: the lines from the table, and the end when the table knows of it. */
  private async poll(): Promise<void> {
    try {
      await this.log?.catchUp();
    } catch {
      return; // the server is away: the connection's state says so
    }
    this.rounds.answered();
    if (this.down && FINAL.includes(this.log?.state ?? "")) this.finished("ended");
    this.moved();
  }

  private rest(): void {
    clearInterval(this.timer);
    this.rounds.stop();
  }

  private finished(state: SocketState): void {
    this.rest();
    this.view?.settle({ ended: true });
    if (this.socket) this.socket.close(state);
    else this.reflect(state, new Date());
    this.socket = null;
  }

  private reflect(state: SocketState, since: Date): void {
    this.dataset.live = state;
    this.pace(state);
    const time = since.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const key = state === "live" ? "streaming" : state === "connecting" ? "loading" : state;
    this.tell(say(`log.${key}`, { time }));
  }

  private pace(state: SocketState): void {
    if (this.down) {
      clearInterval(this.timer);
      return this.rounds.start();
    }
    this.rest();
    if (state === "live") this.timer = window.setInterval(() => this.beat(), BEAT);
  }

  private fail(error: unknown): void {
    if (this.stop.signal.aborted) return;
    this.dataset.live = "offline";
    this.tell(say("log.failed", { reason: error instanceof Error ? error.message : String(error) }));
  }

  private tell(sentence: string): void {
    const place = this.querySelector("[data-live-text]");
    if (place) place.textContent = sentence;
  }
}

customElements.define("live-run", LiveRun);

import { delay } from "./backoff";

export type SocketState = "connecting" | "live" | "reconnecting" | "offline" | "paused" | "ended" | "refused";

/** Tries after which the reader is told "offline" instead of "reconnecting". */
const PATIENCE = 3;
/** The server's codes for "you may not see this" and "this is gone": asking again would not help. */
const FINAL_CODES = [4403, 4404];

type Wiring = {
  /** Asked before each connection, so that it can carry the last line seen. */
  path: () => string;
  message: (data: unknown) => void;
  state: (state: SocketState, since: Date) => void;
};

/** A WebSocket that comes back: after a cut with growing, jittered waits; not while the tab is hidden. */
export class LiveSocket {
  private socket: WebSocket | null = null;
  private timer = 0;
  private attempt = 0;
  private lostAt: Date | null = null;
  private done = false;
  private readonly stop = new AbortController();

  constructor(private readonly wiring: Wiring) {
    const { signal } = this.stop;
    document.addEventListener("visibilitychange", () => this.visibility(), { signal });
    window.addEventListener("online", () => this.now(), { signal });
    window.addEventListener("offline", () => this.drop(), { signal });
    if (document.hidden) this.tell("paused");
    else this.open();
  }

  /** Close for good: the run ended, or the page is left. */
  close(state: SocketState | null = null): void {
    this.done = true;
    this.stop.abort();
    clearTimeout(this.timer);
    this.release();
    if (state) this.tell(state);
  }

  private open(): void {
    clearTimeout(this.timer);
    this.release();
    if (this.attempt === 0) this.tell("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.wiring.path()}`);
    this.socket = socket;
    socket.onopen = () => {
      this.attempt = 0;
      this.lostAt = null;
      this.tell("live");
    };
    socket.onmessage = (event) => this.wiring.message(JSON.parse(event.data as string));
    socket.onclose = (event) => {
      if (FINAL_CODES.includes(event.code)) this.close("refused");
      else this.lost();
    };
  }

  private lost(): void {
    this.socket = null;
    if (this.done || document.hidden) return;
    this.lostAt ??= new Date();
    this.tell(this.attempt >= PATIENCE ? "offline" : "reconnecting");
    this.timer = window.setTimeout(() => this.open(), delay(this.attempt));
    this.attempt += 1;
  }

  private visibility(): void {
    if (document.hidden) {
      clearTimeout(this.timer);
      this.release();
      this.tell("paused");
    } else this.now();
  }

  private now(): void {
    if (this.done || this.socket || document.hidden) return;
    this.attempt = 0;
    this.open();
  }

  private drop(): void {
    if (!this.socket) return;
    this.release();
    this.lost();
  }

  /** Let go of the socket without hearing from it again. */
  private release(): void {
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  private tell(state: SocketState): void {
    this.wiring.state(state, this.lostAt ?? new Date());
  }
}

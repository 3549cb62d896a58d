/* What benchmarks/log_view.py asks the browser to do. */
import "../src/elements/log-view";
import type { LogView } from "../src/elements/log-view";
import { spans } from "../src/log/ansi";
import { clock, LEVELS, type WireLine } from "../src/log/line";

const WORDS = ["refresh", "orders", "batch", "rows", "copied", "target", "source", "upsert", "stash", "swap", "checksum"];
const stage = document.getElementById("stage")!;
let state = 7;

function random(): number {
  state = (state * 48_271) % 2_147_483_647;
  return state / 2_147_483_647;
}

function lines(from: number, count: number): WireLine[] {
  return Array.from({ length: count }, (_, i) => {
    const seq = from + i;
    const chance = random();
    const level = chance > 0.995 ? 3 : chance > 0.97 ? 2 : chance > 0.1 ? 1 : 0;
    const words = Array.from({ length: 4 + Math.floor(random() * 14) }, () => WORDS[Math.floor(random() * WORDS.length)]);
    const text = `line ${seq} ${words.join(" ")}`;
    const message = chance < 0.1 ? `\x1b[32m${text}\x1b[0m done` : text;
    return [seq, 1_780_000_000_000 + seq * 37, level, 1 + Math.floor(seq / 20_000), "reports.members", message, 1];
  });
}

const painted = (): Promise<void> =>
  new Promise((resolve) =>
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => resolve();
      channel.port2.postMessage(0);
    }),
  );

async function timed(work: () => void): Promise<number> {
  const start = performance.now();
  work();
  await painted();
  await painted();
  return performance.now() - start;
}

let view: LogView;
let next = 1;

function fresh(): LogView {
  stage.replaceChildren();
  view = document.createElement("log-view") as LogView;
  stage.append(view);
  next = 1;
  return view;
}

function naive(all: WireLine[]): void {
  const box = document.createElement("div");
  box.className = "naive";
  for (const [, ts, level, , logger, message] of all) {
    const row = document.createElement("div");
    for (const text of [clock(ts), LEVELS[level]!, logger]) {
      const cell = document.createElement("span");
      cell.textContent = `${text} `;
      row.append(cell);
    }
    for (const part of spans(message)) {
      const cell = document.createElement("span");
      cell.className = part.classes;
      cell.textContent = part.text;
      row.append(cell);
    }
    box.append(row);
  }
  stage.replaceChildren(box);
  box.scrollTop = box.scrollHeight;
}

/** Append `perSecond` lines a second in batches every 50 ms, and watch the frames. */
async function stream(perSecond: number, seconds: number) {
  const frames: number[] = [];
  const costs: number[] = [];
  let longTasks = 0;
  const observer = new PerformanceObserver((list) => (longTasks += list.getEntries().length));
  observer.observe({ type: "longtask" });
  const batch = perSecond / 20;
  const timer = setInterval(() => {
    if (!batch) return;
    const more = lines(next, batch);
    next += batch;
    const start = performance.now();
    view.addNewer(more);
    costs.push(performance.now() - start);
  }, 50);
  const end = performance.now() + seconds * 1000;
  for (let last = performance.now(); last < end; ) {
    const now = await new Promise<number>(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  clearInterval(timer);
  observer.disconnect();
  return { frames: frames.slice(2), costs, longTasks, last: view.model.last, following: view.following };
}

Object.assign(window, {
  bench: {
    fill: (count: number) => {
      const all = lines(1, count);
      const target = fresh();
      next = count + 1;
      return timed(() => void target.addNewer(all));
    },
    naive: (count: number) => {
      const all = lines(1, count);
      return timed(() => naive(all));
    },
    show: (filter: Parameters<LogView["show"]>[0]) => timed(() => view.show(filter)),
    goto: (seq: number) => timed(() => void view.goto({ from: seq, to: seq }, { record: false })),
    follow: () => timed(() => view.setFollow(true)),
    stream,
    rows: () => view.querySelectorAll(".log-row").length,
  },
});

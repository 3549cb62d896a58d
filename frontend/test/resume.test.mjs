import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { RunLog } = await load("live/run-log.ts");
const { LogModel } = await load("log/model.ts");
const { delay } = await load("live/backoff.ts");

const line = (seq) => [seq, seq, 1, 1, "", `line ${seq}`, 0];
const range = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => line(from + i));

/** The table on the server: it grows, and answers as the log endpoint does. */
class Table {
  asked = [];
  constructor(count, limit = 5000) {
    this.count = count;
    this.limit = limit;
  }
  page(from, to) {
    this.asked.push([from, to]);
    return { lines: range(from, to), last: to, more: to < this.count };
  }
  tail() {
    return Promise.resolve(this.page(Math.max(1, this.count - 1999), this.count));
  }
  after(seq) {
    return Promise.resolve(this.page(seq + 1, Math.min(this.count, seq + this.limit)));
  }
  before(seq, limit = this.limit) {
    return Promise.resolve(this.page(Math.max(1, seq - limit), seq - 1));
  }
}

class Sink {
  model = new LogModel();
  told = [];
  addNewer(lines) {
    return this.model.append(lines);
  }
  addOlder(lines) {
    return this.model.prepend(lines);
  }
  settle(change) {
    this.told.push(change);
  }
}

const start = (count, options = {}) => {
  const table = new Table(count, options.limit);
  const sink = new Sink();
  const log = new RunLog(table, sink, { cap: options.cap ?? 200_000, idle: () => Promise.resolve() });
  return { table, sink, log };
};
const held = (sink) => [sink.model.first, sink.model.last, sink.model.size];

test("opens with the last 2,000 lines and fills in the older ones", async () => {
  const { sink, log } = start(12_345);
  await log.open();
  assert.deepEqual(held(sink), [10_346, 12_345, 2000]);
  await log.backfill();
  assert.deepEqual(held(sink), [1, 12_345, 12_345]);
  assert.deepEqual(sink.told, [{ loading: false }]);
});

test("stops filling at the cap", async () => {
  const { sink, log } = start(50_000, { cap: 9000 });
  await log.open();
  await log.backfill();
  assert.deepEqual(held(sink), [41_001, 50_000, 9000]);
});

test("repeated lines after a reconnect change nothing", async () => {
  const { sink, log, table } = start(100);
  await log.open();
  table.count = 130;
  await log.lines(range(90, 130));
  await log.lines(range(90, 130));
  assert.deepEqual(held(sink), [1, 130, 130]);
});

test("a hole is fetched, in as many pages as it takes", async () => {
  const { sink, log, table } = start(100, { limit: 50 });
  await log.open();
  table.count = 400;
  await log.lines(range(391, 400));
  assert.deepEqual(held(sink), [1, 400, 400]);
});

test("lines that come while a hole is fetched are not lost", async () => {
  const { sink, log, table } = start(100);
  await log.open();
  table.count = 300;
  const first = log.lines(range(251, 300));
  table.count = 350;
  const second = log.lines(range(301, 350));
  await Promise.all([first, second]);
  assert.deepEqual(held(sink), [1, 350, 350]);
});

test("the first line of an empty run that was missed is fetched", async () => {
  const { sink, log, table } = start(0);
  await log.open();
  table.count = 8;
  await log.lines(range(5, 8));
  assert.deepEqual(held(sink), [1, 8, 8]);
});

test("skipped lines are fetched from the table", async () => {
  const { sink, log, table } = start(10);
  await log.open();
  table.count = 9000;
  await log.skipped(9000);
  assert.deepEqual(held(sink), [1, 9000, 9000]);
});

test("random cuts, repeats and leaps lose and repeat nothing", async () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    let state = seed;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const { sink, log, table } = start(Math.floor(random() * 50), { limit: 37 });
    await log.open();
    const pending = [];
    for (let i = 0; i < 60; i += 1) {
      const from = Math.max(1, table.count - Math.floor(random() * 20));
      table.count += Math.floor(random() * 30);
      if (random() < 0.6 && table.count >= from) pending.push(log.lines(range(from, table.count)));
      if (random() < 0.3) await Promise.all(pending);
    }
    await Promise.all(pending);
    await log.catchUp();
    assert.deepEqual(held(sink), [1, table.count, table.count], `seed ${seed}`);
  }
});

test("reaches a line far back, and says so when it is beyond the cap", async () => {
  const near = start(30_000);
  await near.log.open();
  assert.equal(await near.log.reach({ from: 12, to: 12 }), true);
  const far = start(30_000, { cap: 5000 });
  await far.log.open();
  assert.equal(await far.log.reach({ from: 12, to: 12 }), false);
});

test("waits grow, stay under twenty seconds and differ", () => {
  assert.equal(delay(0, () => 0.5), 500);
  assert.equal(delay(3, () => 0.5), 4000);
  assert.ok(delay(40, () => 1) < 20_000);
  assert.ok(delay(1, () => 0) < delay(1, () => 1));
});

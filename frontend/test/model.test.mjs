import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { LogModel } = await load("log/model.ts");
const ALL = 0b1111;
const line = (seq, { level = 1, step = 1, message = `line ${seq}` } = {}) => [seq, seq * 10, level, step, "", message, 0];
const lines = (from, to, more = () => ({})) =>
  Array.from({ length: to - from + 1 }, (_, i) => line(from + i, more(from + i)));
const shown = (model) => {
  const seqs = [];
  for (let position = model.low; position < model.high; position += 1) seqs.push(model.at(position));
  return seqs;
};
const every = (n) => (seq) => ({ level: seq % n === 0 ? 3 : 1 });

test("lines already held are skipped, a hole is told and nothing after it is taken", () => {
  const model = new LogModel();
  assert.deepEqual(model.append(lines(1, 5)), { added: 5, gap: null });
  assert.deepEqual(model.append(lines(3, 7)), { added: 2, gap: null });
  assert.deepEqual(model.append(lines(10, 12)), { added: 0, gap: { from: 8, to: 9 } });
  assert.equal(model.last, 7);
});

test("older lines go in front and must join", () => {
  const model = new LogModel();
  model.append(lines(5001, 5010));
  assert.equal(model.prepend(lines(4000, 4999)), 0);
  assert.equal(model.prepend(lines(4000, 5005)), 1001);
  assert.deepEqual([model.first, model.last, model.size], [4000, 5010, 1011]);
  assert.equal(model.message(4000), "line 4000");
});

test("positions stay when older and newer lines arrive under a filter", () => {
  const model = new LogModel();
  model.append(lines(2001, 4000, every(10)));
  model.refilter({ levels: 0b1000, step: -1, text: "" });
  const position = model.find(3000);
  model.prepend(lines(1, 2000, every(10)));
  model.append(lines(4001, 4100, every(10)));
  assert.equal(model.find(3000), position);
  assert.equal(model.at(position), 3000);
  assert.deepEqual(shown(model), Array.from({ length: 410 }, (_, i) => (i + 1) * 10));
  assert.equal(model.find(3001), null);
});

test("level, step and text filters combine; the text ignores case", () => {
  const model = new LogModel();
  model.append([
    line(1, { level: 0, message: "Alpha" }),
    line(2, { level: 1, step: 2, message: "alpha beta" }),
    line(3, { level: 2, step: 2, message: "ALPHA" }),
    line(4, { level: 3, step: 2, message: "gamma" }),
  ]);
  const filtered = (filter) => {
    model.refilter({ levels: ALL, step: -1, text: "", ...filter });
    return shown(model);
  };
  assert.deepEqual(filtered({}), [1, 2, 3, 4]);
  assert.deepEqual(filtered({ levels: 0b1100 }), [3, 4]);
  assert.deepEqual(filtered({ step: 2 }), [2, 3, 4]);
  assert.deepEqual(filtered({ text: "Alpha" }), [1, 2, 3]);
  assert.deepEqual(filtered({ text: "alpha", step: 2, levels: 0b0100 }), [3]);
  assert.deepEqual(filtered({ step: 9 }), []);
});

test("trimming keeps the newest lines, their counts and their filter", () => {
  const model = new LogModel();
  model.append(lines(1, 5000, every(100)));
  assert.equal(model.trim(1500), 3500);
  assert.deepEqual([model.first, model.size, model.counts[3]], [3501, 1500, 15]);
  model.refilter({ levels: 0b1000, step: -1, text: "" });
  model.append(lines(5001, 6000, every(100)));
  model.trim(500);
  assert.deepEqual(shown(model), [5600, 5700, 5800, 5900, 6000]);
  assert.equal(model.first, 5501);
});

test("trimming drops matches found before and after the filter was set", () => {
  const model = new LogModel();
  model.append(lines(1001, 2000, every(100)));
  model.refilter({ levels: 0b1000, step: -1, text: "" });
  model.prepend(lines(1, 1000, every(100)));
  model.trim(1500);
  assert.deepEqual(shown(model)[0], 600);
  model.trim(300);
  assert.deepEqual(shown(model), [1800, 1900, 2000]);
});

test("next and previous error go round", () => {
  const model = new LogModel();
  model.append(lines(1, 1000, (seq) => ({ level: seq === 200 || seq === 700 ? 3 : 1 })));
  assert.equal(model.error(0, 1), 200);
  assert.equal(model.error(200, 1), 700);
  assert.equal(model.error(700, 1), 200);
  assert.equal(model.error(450, -1), 200);
  assert.equal(model.error(200, -1), 700);
  model.refilter({ levels: ALL, step: 5, text: "" });
  assert.equal(model.error(0, 1), null);
});

test("a message of many rows counts as many", () => {
  const model = new LogModel();
  model.append([line(1), line(2, { message: "a\nb\nc" }), line(3)]);
  assert.equal(model.rows(1, 4), 5);
});

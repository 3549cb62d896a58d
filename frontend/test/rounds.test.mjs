import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { Rounds } = await load("live/rounds.ts");

globalThis.window = globalThis;
globalThis.document = { hidden: false };

function counted(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const asked = [];
  const rounds = new Rounds(() => asked.push(Date.now()));
  return { asked, rounds, pass: (seconds) => { for (let n = 0; n < seconds; n += 1) t.mock.timers.tick(1000); } };
}

test("a round every two seconds for a minute, then fewer and fewer down to two a minute", (t) => {
  const { asked, rounds, pass } = counted(t);
  rounds.start();
  pass(60);
  assert.equal(asked.length, 30);
  pass(240);
  const waits = asked.slice(29).map((at, n, all) => at - (all[n - 1] ?? at)).slice(1);
  assert.deepEqual(waits, [4000, 8000, 16000, ...Array(7).fill(30000)]);
  rounds.stop();
  pass(60);
  assert.equal(asked.length, 40);
});

test("a try to connect that fails does not start the minute anew", (t) => {
  const { asked, rounds, pass } = counted(t);
  for (let n = 0; n < 120; n += 1) {
    rounds.start();
    pass(1);
  }
  assert.ok(asked.length < 36, `${asked.length}`);
  rounds.stop();
});

test("a hidden tab asks nothing", (t) => {
  const { asked, rounds, pass } = counted(t);
  document.hidden = true;
  rounds.start();
  pass(30);
  assert.equal(asked.length, 0);
  document.hidden = false;
  pass(2);
  assert.equal(asked.length, 1);
  rounds.stop();
});

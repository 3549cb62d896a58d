import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { parse, format } = await load("log/permalink.ts");
const { clock } = await load("log/line.ts");

test("permalinks name a line or a range, in either order", () => {
  assert.deepEqual(parse("#L12"), { from: 12, to: 12 });
  assert.deepEqual(parse("#L10-L20"), { from: 10, to: 20 });
  assert.deepEqual(parse("#L20-10"), { from: 10, to: 20 });
  for (const wrong of ["", "#", "#L", "#L0", "#L-1", "#L1e9", "#L12x", "#job-L12", "#L99999999999"]) {
    assert.equal(parse(wrong), null, wrong);
  }
  assert.equal(format({ from: 7, to: 7 }), "#L7");
  assert.deepEqual(parse(format({ from: 7, to: 9 })), { from: 7, to: 9 });
});

test("times have milliseconds and the reader's zone", () => {
  const moment = new Date(2026, 10, 22, 2, 30, 1, 5).getTime();
  assert.equal(clock(moment), "02:30:01.005");
  assert.equal(clock(moment + 994), "02:30:01.999");
  assert.equal(clock(moment + 995), "02:30:02.000");
});

import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { read, same, body } = await load("run/changes.ts");

test("an input is read as the kind of what is saved", () => {
  assert.deepEqual(read("int", " 42 "), { value: 42 });
  assert.deepEqual(read("float", "1e3"), { value: 1000 });
  assert.deepEqual(read("bool", false), { value: false });
  assert.deepEqual(read("text", " as it is "), { value: " as it is " });
  assert.deepEqual(read("json", '{"a": [1, null]}'), { value: { a: [1, null] } });
});

test("what can't be read is a problem, never a guess", () => {
  assert.deepEqual(read("int", "2.5"), { problem: "run.notWhole" });
  assert.deepEqual(read("int", ""), { problem: "run.notWhole" });
  assert.deepEqual(read("int", "9007199254740993"), { problem: "run.tooLarge" });
  assert.deepEqual(read("float", ""), { problem: "run.notNumber" });
  assert.deepEqual(read("float", "1e999"), { problem: "run.notNumber" });
  assert.deepEqual(read("json", "{a: 1}"), { problem: "run.notJson" });
});

test("values are compared by what they say", () => {
  assert.ok(same({ a: 1, b: [2] }, { b: [2], a: 1 }));
  assert.ok(!same([1, 2], [2, 1]));
  assert.ok(!same("1", 1));
  assert.ok(!same(null, ""));
});

test("only changes are sent, each at its place", () => {
  assert.equal(JSON.stringify(body([])), "{}");
  const changes = [
    { path: ["params", "days"], value: 3 },
    { path: ["op_kwargs", "copy", "table"], value: "x" },
    { path: ["op_kwargs", "copy", "full"], value: true },
    { path: ["step_enabled", "send.summary"], value: false },
    { path: ["log_level"], value: "DEBUG" },
  ];
  assert.equal(
    JSON.stringify(body(changes)),
    '{"params":{"days":3},"op_kwargs":{"copy":{"table":"x","full":true}},"step_enabled":{"send.summary":false},"log_level":"DEBUG"}',
  );
});

test("a name like a prototype's stays a plain name", () => {
  const sent = body([{ path: ["params", "__proto__"], value: 1 }]);
  assert.equal(JSON.stringify(sent), '{"params":{"__proto__":1}}');
});

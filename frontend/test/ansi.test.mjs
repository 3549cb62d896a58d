import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { spans, strip } = await load("log/ansi.ts");
const seen = (message) => spans(message).map(({ text, classes }) => [text, classes]);

test("a plain message is one span", () => {
  assert.deepEqual(seen("rows 1,200"), [["rows 1,200", ""]]);
  assert.deepEqual(seen(""), []);
});

test("the sixteen colours and the styles become classes", () => {
  assert.deepEqual(seen("\x1b[31mred\x1b[0m plain"), [["red", "ansi-1"], [" plain", ""]]);
  assert.deepEqual(seen("\x1b[1;92mok\x1b[22m\x1b[39m!"), [["ok", "ansi-10 ansi-bold"], ["!", ""]]);
  assert.deepEqual(seen("\x1b[3;4mx\x1b[23my\x1b[24mz"), [
    ["x", "ansi-italic ansi-underline"],
    ["y", "ansi-underline"],
    ["z", ""],
  ]);
  assert.deepEqual(seen("\x1b[34mblue\x1b[mnone"), [["blue", "ansi-4"], ["none", ""]]);
});

test("arguments of 256-colour and true-colour codes are not read as styles", () => {
  assert.deepEqual(seen("\x1b[38;5;4mx"), [["x", ""]]);
  assert.deepEqual(seen("\x1b[38;2;1;4;31my"), [["y", ""]]);
  assert.deepEqual(seen("\x1b[38;5;200;1mz"), [["z", "ansi-bold"]]);
});

test("other escapes and control characters are dropped", () => {
  assert.equal(strip("a\x1b[2Jb\x1b[10;20Hc\x1b[?25ld"), "abcd");
  assert.equal(strip("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link"), "textlink");
  assert.equal(strip("bell\x07 back\x08 return\rline\x1bc"), "bell back returnline");
  assert.equal(strip("an unfinished \x1b]0;title"), "an unfinished ");
  assert.equal(strip("tab\tand\nnewline stay"), "tab\tand\nnewline stay");
});

test("markup is text, and stripping agrees with the spans", () => {
  const message = "\x1b[32m<img src=x>\x1b[0m &amp; \x1b[1Kdone";
  assert.equal(spans(message).map((span) => span.text).join(""), strip(message));
  assert.equal(strip(message), "<img src=x> &amp; done");
});

test("a hostile megabyte of escapes ends", () => {
  assert.equal(strip("\x1b[".repeat(200_000) + "m").includes("\x1b"), false);
  assert.equal(strip("\x1b]".repeat(200_000)).includes("\x1b"), false);
});

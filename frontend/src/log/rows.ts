import { spans, strip } from "./ansi";
import { clock, LEVELS } from "./line";
import type { LogModel } from "./model";
import type { LineRange } from "./permalink";

function span(className: string, text: string): HTMLSpanElement {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

/** One line as plain text, exactly as the coloured row reads, so that find and copy agree. */
export function text(model: LogModel, seq: number): string {
  const logger = model.logger(seq);
  const name = logger ? `${logger} ` : "";
  const level = LEVELS[model.level(seq)]!.padEnd(8);
  return `${clock(model.ts(seq))} ${level}${name}${strip(model.message(seq))}\n`;
}

/** Positions [from, to) as plain text. */
export function plain(model: LogModel, from: number, to: number): string {
  let all = "";
  for (let position = from; position < to; position += 1) all += text(model, model.at(position));
  return all;
}

function message(model: LogModel, seq: number): HTMLSpanElement {
  const element = span("log-message", "");
  for (const part of spans(model.message(seq))) {
    element.append(part.classes ? span(part.classes, part.text) : part.text);
  }
  return element;
}

/** One line as a row of coloured spans. Text nodes only: nothing of a log is ever parsed as HTML. */
export function row(model: LogModel, seq: number, marked: LineRange | null): HTMLDivElement {
  const level = model.level(seq);
  const element = document.createElement("div");
  element.className = `log-row log-${LEVELS[level]!.toLowerCase()}`;
  if (model.fromFramework(seq)) element.classList.add("log-framework");
  if (marked && seq >= marked.from && seq <= marked.to) element.classList.add("log-marked");
  element.dataset.seq = `${seq}`;

  const link = document.createElement("a");
  link.className = "log-number";
  link.href = `#L${seq}`;
  link.tabIndex = -1;
  link.dataset.number = `${seq}`;
  link.ariaLabel = `${seq}`;

  element.append(
    link,
    span("log-time", `${clock(model.ts(seq))} `),
    span("log-level", LEVELS[level]!.padEnd(8)),
  );
  if (model.logger(seq)) element.append(span("log-logger", `${model.logger(seq)} `));
  element.append(message(model, seq), "\n");
  return element;
}

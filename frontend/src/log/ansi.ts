/** ANSI colours as classes. Only SGR 0, 1, 2, 3, 4, 22-24, 30-37, 39, 90-97 have an effect; every
 *  other escape is dropped, so that a log can never move a cursor, set a title or hide text. */
export type Span = { text: string; classes: string };

// CSI (with its parameters), OSC (to BEL or ST), other two-byte escapes, and stray controls.
const ESCAPES =
  /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f\x9b]/g;
const MAYBE = /[\x00-\x08\x0b-\x1f\x7f\x9b]/;

type Style = { colour: number; bold: boolean; dim: boolean; italic: boolean; underline: boolean };

const plain = (): Style => ({ colour: -1, bold: false, dim: false, italic: false, underline: false });

function apply(style: Style, code: number): void {
  if (code === 0) Object.assign(style, plain());
  else if (code === 1) style.bold = true;
  else if (code === 2) style.dim = true;
  else if (code === 3) style.italic = true;
  else if (code === 4) style.underline = true;
  else if (code === 22) style.bold = style.dim = false;
  else if (code === 23) style.italic = false;
  else if (code === 24) style.underline = false;
  else if (code === 39) style.colour = -1;
  else if (code >= 30 && code <= 37) style.colour = code - 30;
  else if (code >= 90 && code <= 97) style.colour = code - 82;
}

/** 38;5;n and 38;2;r;g;b carry arguments that must not be read as codes of their own. */
function select(style: Style, parameters: string): void {
  const codes = parameters.split(/[;:]/).map((part) => Number(part || 0));
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i]!;
    if (code === 38 || code === 48) i += codes[i + 1] === 2 ? 4 : 2;
    else apply(style, code);
  }
}

function classes(style: Style): string {
  const names: string[] = [];
  if (style.colour >= 0) names.push(`ansi-${style.colour}`);
  if (style.bold) names.push("ansi-bold");
  if (style.dim) names.push("ansi-dim");
  if (style.italic) names.push("ansi-italic");
  if (style.underline) names.push("ansi-underline");
  return names.join(" ");
}

/** Cut a message into spans of one style each. */
export function spans(message: string): Span[] {
  if (!MAYBE.test(message)) return message ? [{ text: message, classes: "" }] : [];
  const found: Span[] = [];
  const style = plain();
  let from = 0;
  const put = (to: number): void => {
    const text = message.slice(from, to);
    if (text) found.push({ text, classes: classes(style) });
  };
  for (const match of message.matchAll(ESCAPES)) {
    put(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") select(style, match[1]!);
  }
  put(message.length);
  return found;
}

/** The message without any escape. */
export const strip = (message: string): string =>
  MAYBE.test(message) ? message.replace(ESCAPES, "") : message;

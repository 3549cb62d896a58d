/** One log line as it travels: seq (from 1, gap-free per run), time in ms since the epoch, level
 *  (0 DEBUG, 1 INFO, 2 WARNING, 3 ERROR), step position (1-based, 0 = the run itself), logger name
 *  ("" for the framework), message, source (0 framework, 1 step code). */
export type WireLine = [
  seq: number,
  ts: number,
  level: number,
  step: number,
  logger: string,
  message: string,
  source: number,
];

export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;

const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`);

let cachedSecond = -1;
let cachedText = "";

/** HH:MM:SS.mmm in the browser's zone. Lines come in bursts, so the last second's text is kept. */
export function clock(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== cachedSecond) {
    const date = new Date(ms);
    cachedText = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.`;
    cachedSecond = second;
  }
  return cachedText + `${ms - second * 1000}`.padStart(3, "0");
}

/** How many rows of text a message fills when it is not wrapped: a traceback fills many. */
export function height(message: string): number {
  let rows = 1;
  for (let at = message.indexOf("\n"); at >= 0; at = message.indexOf("\n", at + 1)) rows += 1;
  return rows;
}

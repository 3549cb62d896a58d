/** `#L12` names a line of the log, `#L10-L20` a range. */
export type LineRange = { from: number; to: number };

export function parse(hash: string): LineRange | null {
  const match = /^#L([1-9]\d{0,8})(?:-L?([1-9]\d{0,8}))?$/.exec(hash);
  if (!match) return null;
  const first = Number(match[1]);
  const second = Number(match[2] ?? match[1]);
  return { from: Math.min(first, second), to: Math.max(first, second) };
}

export const format = ({ from, to }: LineRange): string => (from === to ? `#L${from}` : `#L${from}-L${to}`);

// One SVG sprite of the icons the pages use: lucide's by name, and our own from src/icons.
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

/** Name in our pages -> name in lucide. Only what a page uses stands here. */
export const LUCIDE = {
  // states
  queued: "circle-dashed",
  running: "contrast",
  succeeded: "circle-check",
  failed: "circle-x",
  canceled: "ban",
  skipped: "arrow-right-to-line",
  pending: "dot",
  warning: "triangle-alert",
  // things
  jobs: "layers",
  schedules: "calendar-days",
  runs: "list-tree",
  connectors: "database",
  technical: "activity",
  admin: "table-properties",
  notifications: "bell",
  tokens: "key-round",
  user: "circle-user-round",
  clock: "timer",
  calendar: "calendar",
  history: "history",
  steps: "list-ordered",
  // actions
  play: "play",
  cancel: "x",
  edit: "pencil",
  replay: "rotate-ccw",
  reload: "refresh-cw",
  add: "plus",
  copy: "copy",
  done: "check",
  search: "search",
  download: "download",
  wrap: "wrap-text",
  follow: "arrow-down-to-line",
  next: "chevron-down",
  previous: "chevron-up",
  disclosure: "chevron-right",
  sun: "sun",
  moon: "moon",
  system: "monitor",
  "sign-out": "log-out",
};

const inner = (svg) => svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
const squeeze = (text) => text.replace(/\s+/g, " ").replace(/> </g, "><").trim();

function symbol(name, svg) {
  const strokes = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';
  return `<symbol id="${name}" viewBox="0 0 24 24" ${strokes}>${squeeze(inner(svg))}</symbol>`;
}

export function sprite(root) {
  const lucide = join(root, "node_modules/lucide-static");
  const own = join(root, "src/icons");
  const symbols = [
    ...Object.entries(LUCIDE).map(([name, file]) =>
      symbol(name, readFileSync(join(lucide, "icons", `${file}.svg`), "utf8")),
    ),
    ...readdirSync(own)
      .filter((file) => file.endsWith(".svg"))
      .map((file) => symbol(basename(file, ".svg"), readFileSync(join(own, file), "utf8"))),
  ];
  const notice = "Icons from Lucide (https://lucide.dev), ISC licence, and Nomaflow's own.";
  return `<svg xmlns="http://www.w3.org/2000/svg"><!-- ${notice} -->${symbols.join("")}</svg>\n`;
}

import { Idiomorph } from "idiomorph/htmx";

/**
 * What a refreshed fragment must not undo: what the reader has opened or chosen, and the text of elements
 * that keep their own time.
 */
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name: string, node: Element): boolean =>
  !(name === "open" && node instanceof HTMLDetailsElement) && !(name === "aria-pressed" && node.closest("run-view"));

Idiomorph.defaults.callbacks.beforeNodeMorphed = (old: Node, fresh: Node): boolean => {
  if (!(old instanceof Element) || !(fresh instanceof Element)) return true;
  if (!old.matches("time-ago, live-duration")) return true;
  return told(old) !== told(fresh);
};

/** What such an element was told by the server, without what it made of it. */
function told(element: Element): string {
  const names = ["zone", "clock", "since", "until"];
  const values = names.map((name) => element.getAttribute(name) ?? "");
  return [element.tagName, ...values, element.querySelector("time")?.getAttribute("datetime") ?? ""].join("|");
}

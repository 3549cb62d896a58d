import type { LogModel } from "./model";
import type { LineRange } from "./permalink";
import { plain, row } from "./rows";

export const PAGE = 2500;
export const BLOCK = 50;
export const LINE_HEIGHT = 18;

/** A piece of the log in the DOM: positions [from, to), as one text node or taken apart. */
type Piece = { element: HTMLElement; from: number; to: number; rows: number; open: boolean };
type Page = Piece & { blocks: Piece[] };

/**
 * Keeps the DOM of a log small at any length.
 *
 * The log is cut into pages of 2,500 lines and pages into blocks of 50. A page far from the viewport is
 * one text node under `content-visibility: auto`: it costs no layout, yet the browser's own find,
 * select-all and copy see all of it. A page near the viewport is opened into blocks, and a block near it
 * into coloured rows.
 */
export class Pager {
  marked: LineRange | null = null;
  private pages = new Map<number, Page>();
  private owners = new WeakMap<Element, Piece>();
  private readonly nearPages: IntersectionObserver;
  private readonly nearBlocks: IntersectionObserver;

  constructor(
    private readonly model: LogModel,
    private readonly host: HTMLElement,
    scroller: HTMLElement,
  ) {
    const watch = (margin: string, open: (piece: Piece) => void, close: (piece: Piece) => void) =>
      new IntersectionObserver(
        (entries) => {
          for (const entry of entries) {
            const piece = this.owners.get(entry.target);
            if (piece) (entry.isIntersecting ? open : close)(piece);
          }
        },
        { root: scroller, rootMargin: margin },
      );
    this.nearPages = watch(
      "2000px 0px",
      (page) => this.openPage(page as Page),
      (page) => this.closePage(page as Page),
    );
    this.nearBlocks = watch("600px 0px", (block) => this.openBlock(block), (block) => this.closeBlock(block));
  }

  /** Bring the DOM up to the model's [low, high): grow, put in front, or cut away. */
  sync(): void {
    const { low, high } = this.model;
    if (high <= low) {
      this.clear();
      return;
    }
    const firstPage = Math.floor(low / PAGE);
    const lastPage = Math.floor((high - 1) / PAGE);
    for (const [number, page] of this.pages) if (number < firstPage) this.remove(number, page);
    for (let number = lastPage; number >= firstPage; number -= 1) {
      const from = Math.max(low, number * PAGE);
      const to = Math.min(high, (number + 1) * PAGE);
      const page = this.pages.get(number);
      if (!page) this.create(number, from, to);
      else if (page.from !== from) this.rebuild(page, from, to);
      else if (page.to !== to) this.grow(page, to);
    }
  }

  clear(): void {
    for (const [number, page] of this.pages) this.remove(number, page);
  }

  /** Open what surrounds a position now and return its row, for scrolling to it. */
  reveal(position: number): HTMLElement | null {
    const page = this.pages.get(Math.floor(position / PAGE));
    if (!page || position < page.from || position >= page.to) return null;
    this.openPage(page);
    const block = page.blocks.find((each) => position >= each.from && position < each.to);
    if (!block) return null;
    this.openBlock(block);
    return block.element.children[position - block.from] as HTMLElement;
  }

  /** Open the last lines at once, so that following never shows an uncoloured row. */
  revealEnd(): void {
    const { low, high } = this.model;
    if (high > low) this.reveal(high - 1);
    if (high - BLOCK > low) this.reveal(high - BLOCK);
  }

  disconnect(): void {
    this.nearPages.disconnect();
    this.nearBlocks.disconnect();
  }

  private create(number: number, from: number, to: number): void {
    const element = document.createElement("div");
    element.className = "log-page log-closed";
    const page: Page = { element, from, to: from, rows: 0, open: false, blocks: [] };
    element.append("");
    const after = this.pages.get(number + 1);
    this.host.insertBefore(element, after?.element ?? null);
    this.pages.set(number, page);
    this.owners.set(element, page);
    this.grow(page, to);
    this.nearPages.observe(element);
  }

  private remove(number: number, page: Page): void {
    for (const block of page.blocks) this.nearBlocks.unobserve(block.element);
    this.nearPages.unobserve(page.element);
    page.element.remove();
    this.pages.delete(number);
  }

  private rebuild(page: Page, from: number, to: number): void {
    const wasOpen = page.open;
    this.shut(page);
    Object.assign(page, { from, to: from, rows: 0 });
    page.element.replaceChildren("");
    this.grow(page, to);
    if (wasOpen) this.openPage(page);
  }

  private grow(page: Page, to: number): void {
    if (page.open) this.growBlocks(page, to);
    else (page.element.firstChild as Text).appendData(plain(this.model, page.to, to));
    this.extend(page, to);
  }

  private openPage(page: Page): void {
    if (page.open) return;
    page.open = true;
    page.element.classList.remove("log-closed");
    page.element.replaceChildren();
    this.growBlocks(page, page.to);
  }

  private closePage(page: Page): void {
    if (!page.open || selected(page.element)) return;
    this.shut(page);
    page.element.replaceChildren(plain(this.model, page.from, page.to));
  }

  private shut(page: Page): void {
    for (const block of page.blocks) this.nearBlocks.unobserve(block.element);
    page.blocks = [];
    page.open = false;
    page.element.classList.add("log-closed");
  }

  private growBlocks(page: Page, to: number): void {
    let block = page.blocks.at(-1);
    for (let from = block?.to ?? page.from; from < to; from = block.to) {
      if (!block || block.to % BLOCK === 0) block = this.createBlock(page, from);
      const end = Math.min(to, (Math.floor(from / BLOCK) + 1) * BLOCK);
      if (block.open) block.element.append(this.coloured(from, end));
      else (block.element.firstChild as Text).appendData(plain(this.model, from, end));
      this.extend(block, end);
    }
  }

  private createBlock(page: Page, from: number): Piece {
    const element = document.createElement("div");
    element.className = "log-block log-closed";
    element.append("");
    const block: Piece = { element, from, to: from, rows: 0, open: false };
    page.element.append(element);
    page.blocks.push(block);
    this.owners.set(element, block);
    this.nearBlocks.observe(element);
    return block;
  }

  private openBlock(block: Piece): void {
    if (block.open) return;
    block.open = true;
    block.element.classList.remove("log-closed");
    block.element.replaceChildren(this.coloured(block.from, block.to));
  }

  private closeBlock(block: Piece): void {
    if (!block.open || selected(block.element)) return;
    block.open = false;
    block.element.classList.add("log-closed");
    block.element.replaceChildren(plain(this.model, block.from, block.to));
  }

  private coloured(from: number, to: number): DocumentFragment {
    const rows = document.createDocumentFragment();
    for (let position = from; position < to; position += 1) {
      rows.append(row(this.model, this.model.at(position), this.marked));
    }
    return rows;
  }

  private extend(piece: Piece, to: number): void {
    piece.rows += this.model.rows(piece.to, to);
    piece.to = to;
    piece.element.style.containIntrinsicBlockSize = `auto ${piece.rows * LINE_HEIGHT}px`;
  }
}

/** A piece the reader has selected text in is left as it is, or the selection would be lost. */
function selected(element: HTMLElement): boolean {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
}

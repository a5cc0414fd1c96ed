/** The terminal emulator behind one small face. The only file that knows xterm. */
import "@xterm/xterm/css/xterm.css";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { Terminal, type IBufferRange, type ITheme } from "@xterm/xterm";
import type { SearchAddon } from "@xterm/addon-search";
import type { Grid } from "../../core/generated";
import { whileStylesAreAdopted } from "./adopted";
import { gridFor, layoutFor, sameGrid, type Box } from "./fit";
import { joinedRanges } from "./joined";
import { applySticky, encodeKey, encodePaste, isReport, NONE, type KeyName, type Modifiers } from "./keys";
import { lazily } from "../lazy";
import { DARK, DARK_MATCHES, LIGHT, LIGHT_MATCHES } from "./theme";
import { followFinger } from "./touch";

export interface EmulatorOptions {
  host: HTMLElement;
  grid: Grid;
  fontSize: number;
  screenReader: boolean;
  /** What a screen reader calls the place one types into. */
  label: string;
  /** Nothing is typed into it, and it answers no program. */
  readOnly?: boolean;
  /** What a person typed or pasted. */
  onInput(bytes: Uint8Array): void;
  /** What the emulator answers by itself: for the driver only. */
  onReport(bytes: Uint8Array): void;
  /** Another grid fits now. */
  onFit(grid: Grid): void;
  /** The person asked to leave by key. */
  onLeave(): void;
  /** A sticky modifier was used up. */
  onSticky(modifiers: Modifiers): void;
  /** A link was followed; `label` is what stands on the screen. */
  onLink(address: string, label: string): void;
}

/** `at` is 0 where the match that is shown is none of those counted, for there are too many. */
export interface Matches {
  at: number;
  of: number;
}

/** Of the options, those that only the live session can answer. */
export type Hooks = Pick<EmulatorOptions, "onInput" | "onReport" | "onSticky" | "onLink">;

const FONT =
  'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace';
const FIT_AFTER = 100;
/** Resizing travels within the output, so that it happens between the right two bytes. The name is fresh, so no program can say it. */
const RESIZE = 7788;

export class Emulator {
  private readonly term: Terminal;
  private readonly host: HTMLElement;
  private readonly mount: HTMLElement;
  private readonly secret = crypto.randomUUID();
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private readonly encoder = new TextEncoder();
  private readonly cleanup: (() => void)[] = [];
  private search: Promise<SearchAddon | null> | null = null;
  private matches: Matches = { at: 0, of: 0 };
  private disposed = false;
  private sticky: Modifiers = NONE;
  private preferred: number;
  private drives = false;
  private held = false;
  /** The machine's grid, once all that is queued has been parsed. */
  private grid: Grid;
  private fitted: Grid | null = null;

  constructor(private readonly options: EmulatorOptions) {
    this.host = options.host;
    this.preferred = options.fontSize;
    this.grid = options.grid;
    this.mount = document.createElement("div");
    this.mount.className = "emulator";
    this.host.append(this.mount);
    this.term = new Terminal({
      allowProposedApi: true,
      cols: options.grid.cols,
      rows: options.grid.rows,
      fontFamily: FONT,
      fontSize: options.fontSize,
      fontWeightBold: "600",
      // Without it the descent of many fonts, and so every underscore, is cut off.
      lineHeight: 1.1,
      scrollback: 5000,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      cursorInactiveStyle: "outline",
      screenReaderMode: options.screenReader,
      disableStdin: options.readOnly === true,
      macOptionIsMeta: true,
      ...this.colours(),
      linkHandler: { activate: (_event, address, range) => this.options.onLink(address, this.textIn(range)) },
    });
    this.term.loadAddon(new Unicode11Addon());
    this.term.unicode.activeVersion = "11";
    this.term.parser.registerOscHandler(RESIZE, (data) => this.resizeInBand(data));
    whileStylesAreAdopted(() => this.term.open(this.mount));
    this.term.registerCharacterJoiner(joinedRanges);
    this.term.textarea?.setAttribute("aria-label", options.label);
    this.term.textarea?.setAttribute("enterkeyhint", "enter");
    if (options.readOnly === true) this.closeKeyboard();

    this.listen();
    const onScheme = () => Object.assign(this.term.options, this.colours());
    this.dark.addEventListener("change", onScheme);
    this.cleanup.push(() => this.dark.removeEventListener("change", onScheme));
    this.watchSize();
    void this.loadLinks();
  }

  /** Output, in order. A snapshot resets, resizes and writes in one go: no frame is painted in between. */
  write(bytes: Uint8Array, reset: Grid | null, done: () => void): void {
    if (reset === null) {
      this.term.write(bytes, done);
      return;
    }
    const resized = !sameGrid(reset, this.grid);
    this.grid = reset;
    const head = this.encoder.encode(`\u001bc${this.resizeSequence(reset)}`);
    const all = new Uint8Array(head.length + bytes.length);
    all.set(head);
    all.set(bytes, head.length);
    this.term.write(all, () => {
      if (resized) this.layout();
      done();
    });
  }

  /** The machine's terminal has this size from here on. */
  setGrid(grid: Grid): void {
    if (sameGrid(grid, this.grid)) return;
    this.grid = grid;
    this.term.write(this.resizeSequence(grid), () => this.layout());
  }

  /** Who drives sees the preferred font and the machine follows; others see the machine's grid whole. */
  setDrives(drives: boolean): void {
    if (drives === this.drives) return;
    this.drives = drives;
    this.layout();
  }

  /** While nothing comes in, what is on the screen stays as it is, whatever happens around it. */
  setHeld(held: boolean): void {
    if (held === this.held) return;
    this.held = held;
    this.layout();
  }

  setFontSize(size: number): void {
    this.preferred = size;
    this.layout();
    this.fit();
  }

  setScreenReader(on: boolean): void {
    this.term.options.screenReaderMode = on;
  }

  setLabel(label: string): void {
    this.term.textarea?.setAttribute("aria-label", label);
  }

  setSticky(modifiers: Modifiers): void {
    this.sticky = modifiers;
  }

  /** What fits in the box in the preferred font; null while it is hidden. */
  fits(): Grid | null {
    return gridFor(this.box(), this.cellAt(this.preferred));
  }

  focus(): void {
    this.term.focus();
  }

  /** Through what has scrolled off. */
  scrollPages(pages: number): void {
    this.term.scrollPages(pages);
  }

  press(key: KeyName, shift = false): void {
    this.term.scrollToBottom();
    this.send(encodeKey(key, { ...this.sticky, shift }, this.term.modes.applicationCursorKeysMode));
    this.useSticky();
  }

  /** Raw text, as if typed. */
  send(text: string): void {
    this.options.onInput(this.encoder.encode(text));
  }

  paste(text: string): void {
    if (text === "") return;
    this.term.scrollToBottom();
    this.send(encodePaste(text, this.term.modes.bracketedPasteMode));
  }

  /** What stands on the screen, without the spaces that fill it up. */
  visibleText(): string {
    const buffer = this.term.buffer.active;
    const lines: string[] = [];
    for (let row = 0; row < this.term.rows; row++)
      lines.push(buffer.getLine(buffer.viewportY + row)?.translateToString(true) ?? "");
    return lines.join("\n").trimEnd();
  }

  /** Whatever stands there now, from the first cell to the last. Both counts begin with 1. */
  private textIn({ start, end }: IBufferRange): string {
    let text = "";
    for (let y = start.y; y <= end.y; y++) {
      const line = this.term.buffer.active.getLine(y - 1);
      text += line?.translateToString(true, y === start.y ? start.x - 1 : 0, y === end.y ? end.x : undefined) ?? "";
    }
    return text;
  }

  selection(): string {
    return this.term.getSelection();
  }

  /** Which match of how many is shown now, from 1; null when search could not be loaded. Without a `step` it begins anew at the newest line. */
  async find(text: string, step: "older" | "newer" | null): Promise<Matches | null> {
    const addon = await this.loadSearch();
    if (addon === null) return null;
    // Or every further letter would lead one match further up.
    if (step === null) this.term.clearSelection();
    const options = { decorations: this.dark.matches ? DARK_MATCHES : LIGHT_MATCHES };
    if (text === "" || !(step === "newer" ? addon.findNext(text, options) : addon.findPrevious(text, options))) {
      if (text === "") addon.clearDecorations();
      return { at: 0, of: 0 };
    }
    return this.matches;
  }

  private loadSearch(): Promise<SearchAddon | null> {
    this.search ??= this.openSearch();
    return this.search;
  }

  private async openSearch(): Promise<SearchAddon | null> {
    const loaded = await lazily(() => import("@xterm/addon-search"));
    if (loaded === null || this.disposed) {
      this.search = null;
      return null;
    }
    const addon = new loaded.SearchAddon();
    this.term.loadAddon(addon);
    addon.onDidChangeResults(({ resultIndex, resultCount }) => {
      this.matches = { at: resultIndex + 1, of: resultCount };
    });
    return addon;
  }

  stopFinding(): void {
    void this.search?.then((addon) => addon?.clearDecorations());
    this.term.clearSelection();
    this.term.scrollToBottom();
  }

  dispose(): void {
    this.disposed = true;
    for (const undo of this.cleanup) undo();
    this.term.dispose();
    this.mount.remove();
  }

  /** On paper-white ground many a program's colours, chosen for black, could not be read: there they are darkened as far as it takes. */
  private colours(): { theme: ITheme; minimumContrastRatio: number } {
    return this.dark.matches ? { theme: DARK, minimumContrastRatio: 1 } : { theme: LIGHT, minimumContrastRatio: 4.5 };
  }

  /** A tap brings up no keyboard, and Tab passes by. */
  private closeKeyboard(): void {
    const area = this.term.textarea;
    if (area === undefined) return;
    area.readOnly = true;
    area.tabIndex = -1;
    area.inputMode = "none";
  }

  private listen(): void {
    this.term.onData((data) => {
      if (isReport(data)) {
        this.options.onReport(this.encoder.encode(data));
        return;
      }
      const held = this.sticky.ctrl || this.sticky.alt;
      this.send(held ? applySticky(data, this.sticky) : data);
      if (held) this.useSticky();
    });
    this.term.onBinary((data) => {
      this.options.onReport(Uint8Array.from(data, (char) => char.charCodeAt(0)));
    });
    this.term.attachCustomKeyEventHandler((event) => this.ownKey(event));
    const onPaste = (event: ClipboardEvent) => {
      event.preventDefault();
      event.stopPropagation();
      this.paste(event.clipboardData?.getData("text/plain") ?? "");
    };
    this.host.addEventListener("paste", onPaste, true);
    this.cleanup.push(() => this.host.removeEventListener("paste", onPaste, true));
    // The machine's screen may be smaller than the place for it: a tap beside it means the terminal all the same.
    const onClick = ({ target }: MouseEvent) => {
      if (target === this.host || target === this.mount) this.term.focus();
    };
    this.host.addEventListener("click", onClick);
    this.cleanup.push(() => this.host.removeEventListener("click", onClick));
    // Who has left by key walks past the terminal with Tab, or would be caught in it again at once; its tab leads back in.
    if (this.options.readOnly !== true)
      this.term.textarea?.addEventListener("focus", (event) => ((event.target as HTMLElement).tabIndex = 0));
    this.cleanup.push(
      followFinger(this.mount, {
        lineHeight: () => this.cell().height,
        scroll: (lines) => this.scroll(lines),
        surface: () => this.term.buffer.active.type,
      }),
    );
  }

  /** Keys that are not the program's: leave, and copy what is selected. False keeps a key from the program. */
  private ownKey(event: KeyboardEvent): boolean {
    if (event.type !== "keydown") return true;
    const key = event.key.toLowerCase();
    if (event.ctrlKey && event.shiftKey && !event.altKey && key === "k") {
      event.preventDefault();
      if (this.term.textarea !== undefined) this.term.textarea.tabIndex = -1;
      this.options.onLeave();
      return false;
    }
    if (event.ctrlKey && event.shiftKey && key === "v") return false;
    if (event.ctrlKey && key === "c" && this.term.hasSelection()) {
      event.preventDefault();
      void navigator.clipboard.writeText(this.term.getSelection()).then(() => this.term.clearSelection());
      return false;
    }
    return true;
  }

  /** In the alternate screen there is nothing to scroll back to: the program gets wheel turns if it wants them, else arrows. */
  private scroll(lines: number): void {
    if (this.term.buffer.active.type === "normal") {
      this.term.scrollLines(lines);
      return;
    }
    if (this.term.modes.mouseTrackingMode !== "none") {
      const { left, top, width, height } = this.mount.getBoundingClientRect();
      const turn = { deltaY: lines, deltaMode: WheelEvent.DOM_DELTA_LINE, bubbles: true, cancelable: true };
      const at = { clientX: left + width / 2, clientY: top + height / 2 };
      this.term.element?.dispatchEvent(new WheelEvent("wheel", { ...turn, ...at }));
      return;
    }
    const key = encodeKey(lines > 0 ? "ArrowDown" : "ArrowUp", NONE, this.term.modes.applicationCursorKeysMode);
    this.send(key.repeat(Math.min(Math.abs(lines), this.term.rows)));
  }

  private useSticky(): void {
    this.sticky = NONE;
    this.options.onSticky(NONE);
  }

  private resizeSequence({ cols, rows }: Grid): string {
    return `\u001b]${RESIZE};${this.secret};${cols};${rows}\u0007`;
  }

  private resizeInBand(data: string): boolean {
    const [secret, cols, rows] = data.split(";");
    if (secret !== this.secret) return false;
    this.term.resize(Number(cols), Number(rows));
    return true;
  }

  private watchSize(): void {
    let timer = 0;
    const observer = new ResizeObserver(() => {
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        this.layout();
        this.fit();
      }, FIT_AFTER);
    });
    observer.observe(this.host);
    this.cleanup.push(() => {
      clearTimeout(timer);
      observer.disconnect();
    });
  }

  /** Says what fits, if that has changed. */
  fit(): void {
    const grid = this.fits();
    if (grid === null || sameGrid(grid, this.fitted)) return;
    this.fitted = grid;
    this.options.onFit(grid);
  }

  private layout(): void {
    const box = this.box();
    if (this.held || box.width === 0 || box.height === 0) return;
    if (this.drives) {
      this.apply(this.preferred, 1);
      this.host.classList.remove("letterboxed");
      return;
    }
    const now = this.cellAt(1);
    const { fontSize, scale } = layoutFor(box, this.grid, now, this.preferred);
    this.apply(fontSize, scale);
    // Cells are rounded to whole pixels, so a computed font may be a little too large.
    const cell = this.cell();
    const fits = Math.min(box.width / (cell.width * this.term.cols), box.height / (cell.height * this.term.rows));
    if (fits < 1) this.apply(fontSize, Math.min(scale, fits));
    const whole = fontSize === this.preferred && this.isFilled(box, cell);
    this.host.classList.toggle("letterboxed", !whole);
  }

  /** Whether no further row or column would fit. */
  private isFilled(box: Box, cell: Box): boolean {
    return (
      box.width - cell.width * this.term.cols < cell.width && box.height - cell.height * this.term.rows < cell.height
    );
  }

  private apply(fontSize: number, scale: number): void {
    if (this.term.options.fontSize !== fontSize) this.term.options.fontSize = fontSize;
    this.mount.style.transform = scale < 1 ? `scale(${scale})` : "";
  }

  private box(): Box {
    return { width: this.host.clientWidth, height: this.host.clientHeight };
  }

  /** The size of one cell in the present font. */
  private cell(): Box {
    const screen = this.mount.querySelector<HTMLElement>(".xterm-screen");
    if (screen === null) return { width: 0, height: 0 };
    return { width: screen.offsetWidth / this.term.cols, height: screen.offsetHeight / this.term.rows };
  }

  private cellAt(fontSize: number): Box {
    const { width, height } = this.cell();
    const factor = fontSize / (this.term.options.fontSize ?? fontSize);
    return { width: width * factor, height: height * factor };
  }

  private async loadLinks(): Promise<void> {
    const addon = await lazily(() => import("@xterm/addon-web-links"));
    if (addon === null || this.disposed) return;
    this.term.loadAddon(new addon.WebLinksAddon((_event, address) => this.options.onLink(address, address)));
  }
}

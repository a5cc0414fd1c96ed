/** How a grid of characters and a box of pixels come together. */
import type { Grid } from "../../core/generated";
import { GRID_MAX } from "../../core/generated";

export interface Box {
  width: number;
  height: number;
}

/** Below this nobody reads; the screen is then scaled as a picture. */
const SMALLEST_FONT = 6;

/** The grid that fills `box` with cells of this size; null while either is unknown. */
export function gridFor(box: Box, cell: Box): Grid | null {
  if (!(box.width > 0 && box.height > 0 && cell.width > 0 && cell.height > 0)) return null;
  return { cols: within(box.width / cell.width, 2), rows: within(box.height / cell.height, 1) };
}

export interface Layout {
  fontSize: number;
  /** Below 1 where even the smallest font is too large. */
  scale: number;
}

/**
 * The font that shows all of `grid` in `box`, at most `preferred`. `perPixel` is the size of a cell at a font of one pixel. A viewer who
 * does not drive sees the machine's grid so; whoever drives sees the preferred font, and the machine follows.
 */
export function layoutFor(box: Box, grid: Grid, perPixel: Box, preferred: number): Layout {
  const fits = Math.min(box.width / (grid.cols * perPixel.width), box.height / (grid.rows * perPixel.height));
  if (!Number.isFinite(fits) || fits <= 0 || fits >= preferred) return { fontSize: preferred, scale: 1 };
  const fontSize = Math.max(SMALLEST_FONT, Math.floor(fits * 2) / 2);
  return { fontSize, scale: Math.min(1, fits / fontSize) };
}

export function sameGrid(a: Grid | null, b: Grid | null): boolean {
  return a === b || (a !== null && b !== null && a.cols === b.cols && a.rows === b.rows);
}

function within(cells: number, least: number): number {
  return Math.min(GRID_MAX, Math.max(least, Math.floor(cells + 1e-6)));
}

import { expect, test } from "vitest";
import { gridFor, layoutFor, sameGrid } from "./fit";

const CELL = { width: 8, height: 16 };
const PER_PIXEL = { width: 0.5, height: 1 };

test("a box holds as many whole cells as it can", () => {
  expect(gridFor({ width: 807, height: 390 }, CELL)).toEqual({ cols: 100, rows: 24 });
});

test("a box that is not laid out yet has no grid", () => {
  expect(gridFor({ width: 0, height: 300 }, CELL)).toBeNull();
  expect(gridFor({ width: 300, height: 300 }, { width: 0, height: 0 })).toBeNull();
});

test("a grid stays within what the protocol allows", () => {
  expect(gridFor({ width: 1, height: 1 }, CELL)).toEqual({ cols: 2, rows: 1 });
  expect(gridFor({ width: 99_999, height: 99_999 }, CELL)).toEqual({ cols: 1000, rows: 1000 });
});

test("a grid that fits is shown in the preferred font", () => {
  const grid = { cols: 40, rows: 10 };
  expect(layoutFor({ width: 800, height: 400 }, grid, PER_PIXEL, 14)).toEqual({ fontSize: 14, scale: 1 });
});

test("a grid that is too large is shown smaller, whole", () => {
  const { fontSize, scale } = layoutFor({ width: 800, height: 400 }, { cols: 200, rows: 40 }, PER_PIXEL, 14);
  expect(scale).toBe(1);
  expect(fontSize).toBe(8);
});

test("below the smallest readable font the picture is scaled", () => {
  const { fontSize, scale } = layoutFor({ width: 300, height: 400 }, { cols: 200, rows: 40 }, PER_PIXEL, 14);
  expect(fontSize).toBe(6);
  expect(scale).toBeCloseTo(0.5);
});

test("grids are compared by what they are", () => {
  expect(sameGrid({ cols: 80, rows: 24 }, { cols: 80, rows: 24 })).toBe(true);
  expect(sameGrid({ cols: 80, rows: 24 }, { cols: 81, rows: 24 })).toBe(false);
  expect(sameGrid(null, { cols: 1, rows: 1 })).toBe(false);
});

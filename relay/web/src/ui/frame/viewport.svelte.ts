/** The room the on-screen keyboard leaves. Browsers differ in what it does to the page; the visual viewport is the same in all. */

class Viewport {
  /** An on-screen keyboard is up. */
  keyboard = $state(false);
}

export const viewport = new Viewport();

export function followViewport(): () => void {
  const visual = window.visualViewport;
  if (visual === null) return () => undefined;
  const coarse = matchMedia("(any-pointer: coarse)");
  let tallest = 0;
  let width = 0;
  const measure = () => {
    // Zoomed in by hand: the page keeps its size.
    if (visual.scale > 1.01) return;
    if (width !== visual.width) tallest = 0;
    width = visual.width;
    tallest = Math.max(tallest, visual.height);
    viewport.keyboard = coarse.matches && visual.height < tallest * 0.75;
    document.documentElement.style.setProperty("--app-height", `${visual.height}px`);
    if (window.scrollY !== 0) window.scrollTo(0, 0);
  };
  measure();
  visual.addEventListener("resize", measure);
  visual.addEventListener("scroll", measure);
  return () => {
    visual.removeEventListener("resize", measure);
    visual.removeEventListener("scroll", measure);
  };
}

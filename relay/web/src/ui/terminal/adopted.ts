/**
 * xterm writes its colours into <style> elements and its true colours into style attributes. The relay's policy allows neither: the first become
 * adopted style sheets, the second go through the style object. Both are the same to the page, and both are allowed.
 */

/** Runs `open` while the document makes style elements that are adopted style sheets. xterm makes all of its own while it opens. */
export function whileStylesAreAdopted<T>(open: () => T): T {
  routeStyleAttributes();
  const create = (name: string) => document.createElementNS("http://www.w3.org/1999/xhtml", name);
  const createElement = (name: string) => (name === "style" ? adoptedStyle(create("lanyard-style")) : create(name));
  Object.defineProperty(document, "createElement", { value: createElement, configurable: true });
  try {
    return open();
  } finally {
    Reflect.deleteProperty(document, "createElement");
  }
}

/** Looks like a style element to xterm: its text is a style sheet for as long as it stands in the document. */
function adoptedStyle(stand: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperties(stand, {
    textContent: { set: (css: string) => sheet.replaceSync(css), get: () => "" },
    remove: {
      value: () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
        Element.prototype.remove.call(stand);
      },
    },
  });
  stand.hidden = true;
  return stand;
}

/** For spans alone: xterm draws with nothing else. */
function routeStyleAttributes(): void {
  if (Object.hasOwn(HTMLSpanElement.prototype, "setAttribute")) return;
  const plain = Object.getOwnPropertyDescriptor(Element.prototype, "setAttribute")?.value as Element["setAttribute"];
  HTMLSpanElement.prototype.setAttribute = function (this: HTMLSpanElement, name: string, value: string) {
    if (name === "style") this.style.cssText = value;
    else plain.call(this, name, value);
  };
}

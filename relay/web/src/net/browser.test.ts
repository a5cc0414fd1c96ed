import { expect, test } from "vitest";
import { takeFragment } from "./browser";

/** A page at an address; `shown` is what its address bar says. */
function at(address: string): { page: Window; shown: () => string } {
  const url = new URL(address);
  const page = {
    location: { hash: url.hash, search: url.search, pathname: url.pathname },
    history: {
      replaceState: (_state: unknown, _title: string, to: string) => (url.href = new URL(to, url.origin).href),
    },
  };
  return { page: page as unknown as Window, shown: () => url.href };
}

test("the pairing secret leaves the address bar as it is read", () => {
  const { page, shown } = at("https://relay.example/#pair=AQABsecret");
  expect(takeFragment(page)).toBe("AQABsecret");
  expect(shown()).toBe("https://relay.example/");
});

test("nothing in the address says which relay to use: a query is dropped", () => {
  const { page, shown } = at("https://relay.example/?relay=evil.example#pair=x");
  expect(takeFragment(page)).toBe("x");
  expect(shown()).toBe("https://relay.example/");
  const plain = at("https://relay.example/?relay=evil.example#home");
  expect(takeFragment(plain.page)).toBeNull();
  expect(plain.shown()).toBe("https://relay.example/#home");
});

test("another fragment is left alone", () => {
  const { page, shown } = at("https://relay.example/#terminal");
  expect(takeFragment(page)).toBeNull();
  expect(shown()).toBe("https://relay.example/#terminal");
});

import { expect, test } from "vitest";
import { hostOf, isDisguised, isFollowed, spelledOut } from "./links";

test("only addresses of the web are followed", () => {
  for (const address of ["https://example.net/a?b#c", "HTTP://EXAMPLE.NET"]) expect(isFollowed(address)).toBe(true);
  for (const address of ["javascript:alert(1)", "file:///etc/passwd", "ssh://host", "data:text/html,x", "https://", ""])
    expect(isFollowed(address), address).toBe(false);
});

test("the host is shown as the network knows it", () => {
  expect(hostOf("https://user@exämple.net:8443/x")).toBe("xn--exmple-cua.net:8443");
  expect(hostOf("nothing")).toBe("");
});

test("a label that says another address is told from one that says the same", () => {
  const address = "https://example.net/";
  expect(isDisguised({ address, label: "https://example.net" })).toBe(false);
  expect(isDisguised({ address, label: "https://bank.example" })).toBe(true);
});

test("an address is shown without characters that turn it around", () => {
  expect(spelledOut("https://a.test/\u202egnp.exe")).toBe("https://a.test/%E2%80%AEgnp.exe");
});

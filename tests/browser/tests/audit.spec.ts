import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Visitor } from "../support/page";
import { expect, test } from "../support/test";

async function reading(visitor: Visitor): Promise<void> {
  await visitor.pair(["view", "terminal", "devices"]);
  await visitor.page.evaluate(() => (location.hash = "#/audit"));
  await expect(visitor.page.getByText(/Lines 1 to \d+ follow from each other, computed here\./)).toBeVisible();
}

test("what was done is read line by line, checked here, found and exported byte for byte", async ({ rig, visitor }) => {
  await reading(visitor);
  const { page } = visitor;
  const list = page.getByRole("list", { name: "Lines, the latest first" });
  await expect(list).toContainText("The agent began");
  await expect(list).toContainText("was paired, with view, terminal, devices");
  await page.getByLabel("Show").selectOption("Access");
  await expect(list).not.toContainText("The agent began");
  await page.getByLabel("Holds").fill("was paired");
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await list.getByRole("listitem").click();
  await expect(list).toContainText('"scopes"');
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  const exported = await readFile(await (await download).path(), "utf8");
  expect(await rig.agent.run("audit", "export")).toContain(exported);
  expect(exported).toContain('"event":"paired"');
});

test("a log that was cut at the machine is noticed by the browser that has seen it", async ({ rig, visitor }) => {
  await reading(visitor);
  const { page } = visitor;
  const file = join(rig.agent.state, "audit", "0000000000000001.jsonl");
  const lines = (await readFile(file, "utf8")).split("\n");
  await rig.agent.crash();
  await writeFile(file, `${lines.slice(0, 2).join("\n")}\n`);
  await rig.agent.restart();
  const alert = page.getByRole("alert").filter({ hasText: "The log is not the one this browser has seen" });
  await expect(alert).toBeVisible();
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByText(/Line \d+ (is another one than|was seen by) this browser/)).toBeVisible();
  await alert.getByRole("button", { name: /I have looked/ }).click();
  await expect(alert).toBeHidden();
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByText(/follow from each other, computed here/)).toBeVisible();
});

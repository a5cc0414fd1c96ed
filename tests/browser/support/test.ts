import { test as base } from "@playwright/test";
import { Rig } from "./rig";
import { Visitor } from "./page";
import { Watch } from "./watch";

interface Fixtures {
  /** A relay and a machine of this test's own. */
  rig: Rig;
  watch: Watch;
  /** A browser that has never been here. */
  visitor: Visitor;
  /** Makes another one: another device. */
  another: () => Promise<Visitor>;
}

export const test = base.extend<Fixtures>({
  rig: async ({}, use, info) => {
    const rig = await Rig.start();
    await use(rig);
    if (info.status !== info.expectedStatus) {
      await info.attach("relay.log", { body: rig.relay.log });
      await info.attach("agent.log", { body: rig.agent.log });
      await info.attach("status.json", { body: JSON.stringify(await rig.agent.owner.status().catch(String), null, 2) });
    }
    await rig.stop();
  },
  watch: async ({ context, rig }, use) => {
    const watch = new Watch(context, () => rig.relay.web);
    await use(watch);
    await watch.check();
  },
  visitor: async ({ watch, rig }, use) => {
    await use(new Visitor(await watch.page(), rig));
  },
  another: async ({ browser, rig }, use) => {
    const others: { watch: Watch; close: () => Promise<void> }[] = [];
    await use(async () => {
      const context = await browser.newContext();
      const watch = new Watch(context, () => rig.relay.web);
      others.push({ watch, close: () => context.close() });
      return new Visitor(await watch.page(), rig);
    });
    for (const { watch, close } of others) {
      await watch.check();
      await close();
    }
  },
});

export { expect } from "@playwright/test";

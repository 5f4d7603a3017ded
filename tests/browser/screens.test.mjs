// Every screen, in light and dark, on a desktop and on a phone: what must be seen is there, nobody is kept
// out, nothing is wider than the window. Writes docs/screenshots/ where OCUROOT_SCREENSHOTS says so.

import { after, before, test } from "node:test";
import { onGithub, settled } from "./kinds.mjs";
import { LOOKS, NARROW, browser } from "./open.mjs";
import { SCREENS, follow, sees } from "./screens.mjs";
import { shop } from "./shop.mjs";

let world, store, place;

before(async () => {
  [world, store] = await Promise.all([browser(), shop()]);
  place = await onGithub(store);
});
after(async () => {
  await world?.close();
  await place?.close();
  await store?.close();
});

// A look at a time, and a screen after the other as one goes through them.
for (const { name: look, options } of LOOKS) {
  test(`each screen: ${look}`, async (context) => {
    const phone = options.viewport.width < 600;
    await world.open(place.at({}, options), async (page) => {
      for (const screen of SCREENS) {
        await context.test(screen.name, async () => {
          await follow(page, screen.query);
          await sees(page, screen, { phone });
          await settled(page);
          await page.checkAccessibility();
          await page.checkWidth();
          await page.screenshotAs(screen.name);
        });
      }
    });
  });
}

test("nothing is wider than a phone of 360 px", async (context) => {
  await world.open(place.at({}, { viewport: NARROW, hasTouch: true, isMobile: true }), async (page) => {
    for (const screen of SCREENS) {
      await context.test(screen.name, async () => {
        await follow(page, screen.query);
        await sees(page, screen, { phone: true });
        await settled(page);
        await page.checkWidth();
      });
    }
  });
});

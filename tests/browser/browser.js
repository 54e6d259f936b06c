// Copyright (c) 2026, Ridgetop Developers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A page of a report in a browser, and what the browser says about it.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readFile } from "node:fs/promises";
import puppeteer from "puppeteer-core";

const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export const samples = ["pass", "fail", "fleet", "hostile", "nothing"];
export const reports = process.env.AIDIS_REPORTS;
export const pictures = process.env.AIDIS_PICTURES;

/** Start the browser. Containers seldom allow its own sandbox, and the pages are ours. */
export function start() {
  return puppeteer.launch({
    executablePath: process.env.AIDIS_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb"],
  });
}

/** Collect what a page must not do: messages, errors, dialogs, and requests that are not `expected`. */
export function listen(page, expected) {
  const heard = [];
  page.on("console", (message) => heard.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => heard.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!expected(request.url())) heard.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    heard.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return heard;
}

/** look: { scheme: "light" | "dark", media: "screen" | "print", width: pixels } */
export async function look(page, { scheme = "light", media = "screen", width = 1280 } = {}) {
  await page.setViewport({ width, height: 900 });
  // Both in one call: puppeteer's two take back what the other one has set.
  const session = await page.createCDPSession();
  const features = [
    { name: "prefers-color-scheme", value: scheme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ];
  await session.send("Emulation.setEmulatedMedia", { media, features });
}

/** Open the report of a sample, and listen to it. */
export async function open(browser, sample, looked) {
  const page = await browser.newPage();
  const address = pathToFileURL(join(reports, sample, "latest", "report.html")).href;
  const heard = listen(page, (asked) => asked === address);
  await look(page, looked);
  await page.goto(address, { waitUntil: "load" });
  return { page, heard };
}

/** Open every part that can be opened, so that all of the page is looked at. */
export const unfold = (page) => page.$$eval("details", (all) => all.forEach((one) => (one.open = true)));

/** The violations that axe finds, in words. */
export async function violations(page) {
  await page.evaluate(await readFile(axeFile, "utf8"));
  const { violations: found } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`));
}

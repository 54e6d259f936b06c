// Copyright (c) 2026, Ridgetop Developers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The console page of Prometheus in a browser: waits until it is drawn, and tells as JSON what it shows.
//
// node console.js ADDRESS [PICTURE.png] [--width=1280] [--scheme=light]
//
// Fails where the page is not drawn, or where the browser has something to say about it.

import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { listen, look, start } from "./browser.js";

const PATIENCE = 30_000;

/** Open the page. `heard` collects what it must not do: messages, errors, dialogs, requests to anybody else. */
export async function openConsole(browser, address, { scheme = "light", width = 1280, script = true } = {}) {
  const page = await browser.newPage();
  const { origin } = new URL(address);
  const heard = listen(page, (asked) => asked.startsWith(`${origin}/`) || asked.startsWith("data:"));
  await page.setJavaScriptEnabled(script);
  await look(page, { scheme, width });
  await page.goto(address, { waitUntil: "load" });
  if (script) await drawn(page);
  return { page, heard };
}

/** Wait until the page is drawn, newer than `than` where that is given; returns when it was. */
export async function drawn(page, than = "") {
  const made = (before) => document.documentElement.dataset.drawn !== before && document.documentElement.dataset.drawn;
  const handle = await page.waitForFunction(made, { timeout: PATIENCE }, than);
  return handle.jsonValue();
}

/** What the page shows: of each panel how many series it has, its words, and what kept it from being known. */
export const shown = (page) =>
  page.evaluate(() => ({
    verdict: document.getElementById("verdict").textContent,
    tone: document.getElementById("head").className.replace("head ", ""),
    deployment: document.getElementById("which").textContent,
    marks: document.querySelectorAll("[data-panel=requests] .mark").length,
    panels: Object.fromEntries(
      [...document.querySelectorAll("[data-panel]")].map((panel) => [
        panel.dataset.panel,
        {
          series: Number(panel.dataset.series),
          error: panel.dataset.error ?? null,
          curves: panel.querySelectorAll("svg:not([aria-hidden]) .curve").length,
          text: panel.innerText.replace(/\s+/g, " ").trim(),
        },
      ]),
    ),
  }));

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { width: { type: "string", default: "1280" }, scheme: { type: "string", default: "light" } },
  });
  const [address, picture] = positionals;
  const browser = await start();
  try {
    const { page, heard } = await openConsole(browser, address, { scheme: values.scheme, width: Number(values.width) });
    const found = await shown(page);
    if (picture) await page.screenshot({ path: picture, fullPage: true });
    console.log(JSON.stringify({ ...found, heard }, null, 2));
    const errors = Object.values(found.panels).filter(({ error }) => error);
    process.exitCode = heard.length || errors.length || !Object.keys(found.panels).length ? 1 : 0;
  } finally {
    await browser.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();

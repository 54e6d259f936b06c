// Copyright (c) 2026, Ridgetop Developers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The console page, served by a real Prometheus under a path of its own from a history that history.py made: it is drawn,
// it says what it does not know, it can be read by everybody, and it does what no label says. The scenario `monitoring`
// looks at it with what a deployment tells.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { look, pictures, start, violations } from "./browser.js";
import { drawn, openConsole, shown } from "./console.js";

const home = process.env.AIDIS_CONSOLE;
const HOSTILE = '<b onclick="x">"\\ {{ 7 }}';
const charts = ["requests", "errors", "latency", "sessions", "projects", "success", "memory", "cpu", "disk"];
let browser;
let prometheus;
let address;

/** A port that nobody listens on. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Wait until a question has an answer that fits. */
async function until(fits, question) {
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(question).then(
      (got) => got.json(),
      () => null,
    );
    if (answer && fits(answer)) return;
    await pause(100);
  }
  assert.fail(`${question} has no answer that fits`);
}

before(async () => {
  const listens = `127.0.0.1:${await freePort()}`;
  address = `http://${listens}/watch/consoles/aidis.html`;
  const options = {
    "config.file": join(home, "prometheus.yml"),
    "storage.tsdb.path": join(home, "data"),
    "storage.tsdb.retention.time": "30d",
    // On a busy machine it takes a while from the end of the history to the last test.
    "query.lookback-delta": "20m",
    "web.listen-address": listens,
    "web.external-url": `http://${listens}/watch/`,
    "web.console.templates": join(home, "consoles"),
    "web.console.libraries": join(home, "consoles"),
  };
  prometheus = spawn(
    process.env.AIDIS_PROMETHEUS,
    Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  prometheus.stderr.on("data", (text) => (said += text));
  prometheus.on("exit", (status) => status && console.error(said));
  browser = await start();
  await until(({ data }) => data.result.length === 4, new URL("../api/v1/query?query=ALERTS", address));
});
after(async () => {
  await browser?.close();
  if (prometheus?.kill()) await once(prometheus, "exit");
});

const opened = (query, looked) => openConsole(browser, address + query, looked);

describe("a deployment of which all is known", () => {
  test("has every panel drawn", async () => {
    const { page, heard } = await opened("", { width: 1400 });
    const { panels, ...state } = await shown(page);
    assert.deepEqual(heard, []);
    assert.deepEqual(state, { verdict: "Up", tone: "pass", deployment: "aidis-production", marks: 1 });
    const without = Object.entries(panels).filter(([, { series, error }]) => error || !series);
    assert.deepEqual(
      without.map(([id]) => id),
      ["targets_down"],
    );
    for (const [id, { curves, series }] of Object.entries(panels)) {
      if (charts.includes(id)) assert.ok(curves >= series, `${id}: ${curves} curves of ${series} series`);
    }
    assert.match(panels.up.text, /up$/);
    // Rounded it would be 100 %.
    assert.match(panels.availability.text, /99\.95 %$/);
    assert.match(panels.backup.text, /7 h( \d+ min)?$/);
    assert.match(panels.drill.text, /none yet$/);
    assert.match(panels.release.text, /1\.4\.0-7f3c2a1$/);
    assert.match(panels.disk.text, /limit 1\.07 GB.*free \/ 6\.1 GB.*in 4 days \/ 4\.2 GB/);
    assert.match(panels.memory.text, /limit 75 %.*limit 90 %/);
    assert.match(panels.latency.text, /limit 100 ms/);
    assert.match(panels.errors.text, /limit 5 %/);
    assert.match(panels.alerts.text, /info one waits for a reboot/);
    // A hole is a hole: two runs of what is now, one of what is usual.
    assert.equal(panels.requests.curves, 3);
    await page.close();
  });

  test("shows a longer time, with all its deploys and rollbacks, and keeps that in its address", async () => {
    const { page } = await opened("");
    const when = await drawn(page);
    await page.click("input[value='7d']");
    await drawn(page, when);
    assert.equal((await shown(page)).marks, 5);
    assert.deepEqual(
      await page.$$eval("[data-panel=marks] li", (all) =>
        all.map((one) => one.innerText.split(/\s+/).slice(0, 2).join(" ")),
      ),
      [
        "deploy 1.4.0-7f3c2a1",
        "rollback 1.3.0-09be11c",
        "failed 1.3.1-e3d01b2",
        "deploy 1.3.1-e3d01b2",
        "deploy 1.3.0-09be11c",
      ],
    );
    assert.equal(new URL(page.url()).searchParams.get("range"), "7d");
    await page.close();
  });

  test("tells the values of the moment that is pointed at, in all charts", async () => {
    const { page } = await opened("?range=1d");
    const told = () => page.$eval("[data-panel=sessions] .legend b", (one) => one.textContent);
    const last = await told();
    const box = await (await page.$("[data-panel=errors] svg")).boundingBox();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 60);
    assert.notEqual(await told(), last);
    assert.equal(await page.$$eval(".cursor[visibility=visible]", (all) => all.length), 15);
    await page.mouse.move(2, 2);
    assert.equal(await told(), last);
    await page.close();
  });
});

describe("a fleet of which one host is down", () => {
  test("says so, and what is not known", async () => {
    const { page } = await opened("?deployment=fleet");
    const { verdict, tone, panels } = await shown(page);
    assert.deepEqual([verdict, tone], [`Down on ${HOSTILE}`, "fail"]);
    assert.match(panels.up.text, /down .* up app1, app2$/);
    assert.match(panels.targets.text, /83\.3 %$/);
    assert.equal(panels.targets_down.series, 1);
    assert.deepEqual(panels.requests, { series: 0, error: null, curves: 0, text: "Requests not known" });
    assert.deepEqual(panels.uptime, { series: 0, error: null, curves: 0, text: "Up for not known" });
    const names = await page.$$eval("[data-panel=memory] .legend li", (all) =>
      all.map((one) => one.innerText.replace(/ [\d.]+ %$/, "")),
    );
    assert.deepEqual(names.sort(), [`used ${HOSTILE}`, "used app1", "used app2"]);
    const alerts = await page.$$eval("[data-panel=alerts] .badge", (all) => all.map((one) => one.innerText));
    assert.deepEqual(alerts, ["critical", "critical", "warning"]);
    await page.close();
  });

  test("names no more lines than can be read, those next to the limit", async () => {
    const { page } = await opened("?deployment=fleet");
    const names = await page.$$eval("[data-panel=disk] .legend li", (all) => all.map((one) => one.innerText.trim()));
    assert.equal(names.length, 9);
    assert.deepEqual(
      names.slice(0, 3).map((name) => name.replace(/^free (\S+) .* (\S+ GB)$/, "$1 $2")),
      Array(3).fill("/srv/0 1 GB"),
    );
    assert.equal(names.at(-1), "and 10 more");
    await page.close();
  });

  test("can be looked at host by host", async () => {
    const { page } = await opened("?deployment=fleet");
    const when = await drawn(page);
    await page.select("select[name=instance]", "app2");
    await drawn(page, when);
    const { verdict, panels } = await shown(page);
    assert.equal(verdict, "Up");
    assert.equal(panels.memory.series, 1);
    assert.equal(panels.alerts.series, 0);
    // A label in a question is a text, whatever it says.
    await page.select("select[name=instance]", HOSTILE);
    await page.waitForFunction(() => document.getElementById("verdict").textContent === "Down");
    await page.close();
  });

  test("shows labels, and does nothing that they say", async () => {
    const { page, heard } = await opened("?deployment=fleet");
    const made = await page.$$eval("main b[onclick], main img, main script, main iframe", (all) => all.length);
    assert.equal(made, 0);
    assert.ok((await page.evaluate(() => document.body.innerText)).includes("<img src=x onerror=alert(1)>"));
    assert.deepEqual(heard, []);
    await page.close();
  });
});

test("a deployment of which nothing is told is neither up nor down", async () => {
  const { page } = await opened("?deployment=bare");
  const { verdict, tone, panels } = await shown(page);
  assert.deepEqual([verdict, tone], ["Not known whether it is up", "skip"]);
  const known = Object.entries(panels)
    .filter(([, { series }]) => series)
    .map(([id]) => id);
  assert.deepEqual(known, ["targets"]);
  assert.match(panels.backup.text, /not known$/);
  await page.close();
});

test("a Prometheus that does not answer any more is told of, and what was drawn stays", async () => {
  const { page } = await opened("");
  await page.setOfflineMode(true);
  await page.click("input[value='1h']");
  await page.waitForSelector("#trouble:not([hidden])");
  assert.match(await page.$eval("#trouble", (one) => one.textContent), /does not answer.*What stands here is from/);
  assert.equal((await shown(page)).panels.requests.series, 2);
  await page.setOfflineMode(false);
  await page.click("input[value='6h']");
  await page.waitForSelector("#trouble[hidden]");
  await page.close();
});

test("without JavaScript it tells the state", async () => {
  const { page, heard } = await opened("", { script: false });
  const text = await page.$eval("noscript", (one) => one.innerText);
  for (const line of ["aidis-production on one: up", `fleet on ${HOSTILE}: down`, "critical: MemoryCritical on app1"]) {
    assert.ok(text.includes(line), `${line} in ${text}`);
  }
  assert.deepEqual(heard, []);
  await page.close();
});

for (const scheme of ["light", "dark"]) {
  test(`has no violation of accessibility, ${scheme}`, async () => {
    for (const query of ["", "?deployment=fleet"]) {
      const { page } = await opened(query, { scheme });
      assert.deepEqual(await violations(page), []);
      await page.close();
    }
  });
}

test("fits every width", async () => {
  for (const width of [320, 768, 1920]) {
    for (const query of ["?range=7d", "?deployment=fleet"]) {
      const { page } = await opened(query, { width });
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
      assert.ok(wide <= width, `${wide} px at a width of ${width} px`);
      await page.close();
    }
  }
});

test("charts fit again when the window changes", async () => {
  const { page } = await opened("", { width: 1280 });
  await look(page, { width: 500 });
  await page.waitForFunction(() => {
    const plot = document.querySelector("[data-panel=requests] svg");
    return Math.abs(plot.viewBox.baseVal.width - plot.clientWidth) < 2;
  });
  await page.close();
});

test("pictures are taken", async () => {
  for (const width of [380, 1400]) {
    for (const scheme of ["light", "dark"]) {
      const { page } = await opened("", { width, scheme });
      await page.screenshot({ path: join(pictures, `console-${width}-${scheme}.png`), fullPage: true });
      await page.close();
    }
  }
});

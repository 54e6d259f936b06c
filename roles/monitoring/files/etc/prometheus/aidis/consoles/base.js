// Copyright (c) 2026, Ridgetop Developers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What the rest of the console page stands on: what is chosen, elements, words, and questions to the Prometheus that
// served it.

const given = JSON.parse(document.getElementById("given").textContent);
const panels = given.sections.flatMap((section) => section.panels);
const at = (id) => document.getElementById(id);
const bar = at("bar");
const seconds = { "1h": 3600, "6h": 21600, "1d": 86400, "7d": 604800 };
const severities = ["critical", "warning", "info"];
const tones = { critical: "fail", warning: "warn", info: "skip", failed: "fail", rollback: "warn", deploy: "pass" };
// What is chosen stands in the address, so that it can be sent to somebody.
const chosen = {
  deployment: given.deployment,
  instance: "",
  range: "6h",
  ...Object.fromEntries(new URLSearchParams(location.search)),
};
if (!(chosen.range in seconds)) chosen.range = "6h";
let charts = [];
let marks = [];
let asked = 0;
let last = null;

// ---- Elements

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}
const html = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

// ---- Words

const number = (value, digits = 3) =>
  new Intl.NumberFormat("en", {
    maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(Math.abs(value) + 1))),
  }).format(value);

/** In which unit a value of a size is told: [how much it is, its sign]. */
function scale(unit, size) {
  const largest = (steps) => steps.findLast(([much]) => Math.abs(size) >= much) ?? steps[0];
  if (unit === "ratio") return [0.01, " %"];
  if (unit === "rate") return [1, "/s"];
  if (unit === "bytes") return largest(["B", "kB", "MB", "GB", "TB"].map((sign, power) => [1000 ** power, " " + sign]));
  if (unit === "seconds")
    return largest([
      [0.001, " ms"],
      [1, " s"],
      [60, " min"],
      [3600, " h"],
      [86400, " d"],
    ]);
  return [1, ""];
}

function tell(unit, value) {
  const [much, sign] = scale(unit, value);
  // Almost all is not all.
  if (unit === "ratio" && value > 0.99 && value < 1) return Math.floor(value * 10000) / 100 + sign;
  if (unit !== "seconds" || Math.abs(value) < 60) return number(value / much) + sign;
  const whole = Math.floor(value / much);
  const [less, lesser] = scale(unit, much - 1);
  const rest = Math.floor((value - whole * much) / less);
  return number(whole) + sign + (rest && whole < 10 && less >= 60 ? " " + rest + lesser : "");
}

const clock = (time, options) => new Date(time * 1000).toLocaleString("en-GB", options);
const moment = (time) =>
  clock(time, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

// ---- Questions

async function ask(what, parameters = {}) {
  const address = new URL("../api/v1/" + what, location.href);
  address.search = new URLSearchParams(parameters);
  const answer = await fetch(address, { signal: AbortSignal.timeout(20000) });
  const body = await answer.json();
  if (body.status !== "success") throw new Error(body.error);
  return body.data;
}

const matches = (names) =>
  names
    .filter((name) => chosen[name])
    .map((name) => name + "=" + JSON.stringify(chosen[name]))
    .join(",");
const scoped = (expr) =>
  expr
    .replaceAll("$scope", () => matches(["deployment", "instance"]))
    .replaceAll("$service", () => matches(["deployment"]));
const now = async (expr) => (await ask("query", { query: scoped(expr) })).result;

async function over(query, view) {
  const { result } = await ask("query_range", { query: scoped(query.expr), ...view });
  return result.map(({ metric, values }) => ({
    query,
    metric,
    points: values.map(([time, value]) => [time, Number(value)]).filter(([, value]) => Number.isFinite(value)),
  }));
}

/** The same steps each time: lines do not tremble as time goes on. */
function viewed() {
  const range = seconds[chosen.range];
  const step = Math.ceil(Math.max(given.interval, range / 240) / given.interval) * given.interval;
  const end = Math.floor(Date.now() / 1000 / step) * step;
  return { start: end - range, end, step };
}

// ---- Limits and tones

const limits = (panel) =>
  (panel.limits ?? []).map(({ threshold, times = 1, value, tone }) => ({
    value: value ?? given.thresholds[threshold] * times,
    tone,
  }));

const tone = (panel, value) => limits(panel).findLast((limit) => value >= limit.value)?.tone ?? panel.base ?? "";

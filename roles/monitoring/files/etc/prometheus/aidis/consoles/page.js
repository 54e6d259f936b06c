// Copyright (c) 2026, Ridgetop Developers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Tiles, lists, and the page as a whole. What is not known is told as such.

// ---- Tiles

function answered(panel, { metric, value: [, text] }) {
  const value = Number(text);
  const word = panel.word ? metric[panel.word] : panel.words?.[value];
  if (!word && !Number.isFinite(value)) return null;
  return {
    host: metric.instance ?? "",
    text: word ?? tell(panel.unit, value),
    tone: word && value < 0 ? "warn" : tone(panel, value),
  };
}

async function tile(panel) {
  const found = (await now(panel.expr)).map((one) => answered(panel, one)).filter((one) => one);
  const box = html(
    "div",
    { class: "tile", "data-panel": panel.id, "data-series": found.length },
    html("h3", {}, panel.title),
  );
  if (!found.length) return fill(box, {}, [html("p", { class: "unknown" }, panel.none ?? "not known")]);
  // Hosts that say the same are one line.
  const same = new Map(found.map(({ text }) => [text, found.filter((one) => one.text === text)]));
  for (const [text, hosts] of same) {
    const all = hosts.length > 1 ? "on " + hosts.length + " hosts" : "";
    const names = same.size > 1 ? hosts.map(({ host }) => host).join(", ") : all;
    const line = html(
      "p",
      { class: (text.length > 12 ? "long " : "") + hosts[0].tone },
      text,
      names && " ",
      names && html("small", {}, names),
    );
    box.append(line);
  }
  const worst = ["fail", "warn", "pass"].find((name) => found.some((one) => one.tone === name));
  if (worst) box.classList.add(worst);
  return box;
}

// ---- Lists

const row = (badge, kind, ...rest) =>
  html("li", {}, html("span", { class: "badge " + (tones[kind] ?? "skip") }, badge), ...rest);
const when = (time) => html("span", { class: "when" }, moment(time));

/** The way to the runbook, if it is one of the web. */
function runbook(address) {
  if (!/^https?:/.test(address ?? "")) return null;
  return html("a", { href: address }, "What to do");
}

function alertRow({ labels, annotations, activeAt, state }) {
  const name = html("b", {}, annotations.summary ?? labels.alertname);
  const pending = state === "pending" ? html("span", { class: "unknown" }, "not for long enough yet") : null;
  const words = html(
    "span",
    { class: "more" },
    annotations.description ?? "",
    " ",
    runbook(annotations.runbook_url) ?? "",
  );
  return row(
    labels.severity ?? "alert",
    labels.severity,
    name,
    html("span", {}, labels.instance ?? ""),
    pending,
    when(Date.parse(activeAt) / 1000),
    words,
  );
}

async function firing() {
  const { alerts } = await ask("alerts");
  const rank = ({ labels, state }) => (state === "firing" ? 0 : 9) + ((severities.indexOf(labels.severity) + 4) % 4);
  const ours = alerts.filter(({ labels }) => labels.deployment === chosen.deployment);
  return ours
    .filter(({ labels }) => !chosen.instance || [chosen.instance, "all"].includes(labels.instance))
    .sort((one, other) => rank(one) - rank(other));
}

const markRows = () =>
  marks.toReversed().map(({ kind, release, time }) => row(kind, kind, html("b", {}, release), when(time)));

async function list(panel) {
  let rows;
  let count;
  if (panel.id === "alerts") {
    const found = await firing();
    count = found.filter(({ state }) => state === "firing").length;
    rows = found.map(alertRow);
  } else if (panel.id === "marks") {
    rows = markRows();
  } else {
    const found = await now(panel.expr);
    rows = found.map(({ metric }) =>
      row(
        metric[panel.columns[0]] ?? "",
        "failed",
        ...panel.columns.slice(1).map((name) => html("b", {}, metric[name] ?? "")),
      ),
    );
  }
  count ??= rows.length;
  const box = html("div", { class: "list", "data-panel": panel.id, "data-series": count }, html("h3", {}, panel.title));
  return fill(box, {}, [rows.length ? html("ul", {}, ...rows) : html("p", { class: "none" }, panel.none)]);
}

/** Deploys and rollbacks, each once: every host of the application tells of them. */
async function marked() {
  const found = (await now(panels.find((panel) => panel.id === "marks").expr)).map(({ metric, value }) => ({
    kind: metric.kind ?? "",
    release: metric.release ?? "",
    time: Math.round(Number(value[1])),
  }));
  const once = new Map(found.map((mark) => [[mark.kind, mark.release, mark.time].join(" "), mark]));
  return [...once.values()].sort((one, other) => one.time - other.time);
}

// ---- The page

async function choices() {
  const found = (await now("group by (deployment, instance) (up)"))
    .map(({ metric }) => metric)
    .filter((metric) => metric.deployment);
  const names = new Set([...found.map((metric) => metric.deployment)].sort());
  if (!names.has(chosen.deployment) && names.size) [chosen.deployment] = names;
  const hosts = found
    .filter((metric) => metric.deployment === chosen.deployment)
    .map((metric) => metric.instance)
    .sort();
  if (!hosts.includes(chosen.instance)) chosen.instance = "";
  const options = (values) => [...values].map((value) => html("option", { value }, value || "all"));
  bar.deployment.replaceChildren(...options(names.size ? names : [chosen.deployment]));
  bar.instance.replaceChildren(...options(["", ...new Set(hosts)]));
  for (const name of ["deployment", "instance", "range"]) bar[name].value = chosen[name];
}

function verdict(state, alerts) {
  const count = (severity) => alerts.filter((one) => one.state === "firing" && one.labels.severity === severity).length;
  const [critical, warning] = severities.map(count);
  const some = (much, word) => much + " " + word + (much === 1 ? "" : "s");
  const down = state.filter(({ value }) => Number(value[1]) === 0);
  if (down.length)
    return [
      "fail",
      down.length === state.length ? "Down" : "Down on " + down.map(({ metric }) => metric.instance).join(", "),
    ];
  if (critical) return ["fail", some(critical, "critical alert")];
  if (!state.length) return ["skip", "Not known whether it is up"];
  if (warning) return ["warn", "Up, with " + some(warning, "warning")];
  return ["pass", "Up"];
}

function head(state, alerts) {
  const [name, words] = verdict(state, alerts);
  at("head").className = "head " + name;
  at("verdict").textContent = words;
  at("which").textContent = chosen.deployment;
  at("told").textContent = "As of " + clock(last, { dateStyle: "medium", timeStyle: "medium" });
  document.title = words + " – " + chosen.deployment;
}

const makers = { tile, list, chart };
const groups = { tile: "tiles", list: "lists", chart: "charts" };

/** A panel whose question fails says so; the others are drawn. */
async function made(panel, view) {
  try {
    return await makers[panel.kind](panel, view);
  } catch (error) {
    const why = html("p", { class: "unknown" }, "not known: " + error.message);
    return html(
      "div",
      { class: panel.kind, "data-panel": panel.id, "data-series": 0, "data-error": error.message },
      html("h3", {}, panel.title),
      why,
    );
  }
}

async function refresh() {
  const turn = ++asked;
  try {
    await choices();
    const view = viewed();
    const [state, alerts, found] = await Promise.all([now("aidis:up{$scope}"), firing(), marked()]);
    if (turn !== asked) return;
    charts = [];
    marks = found;
    const parts = await Promise.all(
      given.sections.map(async ({ title, panels: within }) => {
        const drawn = await Promise.all(within.map((panel) => made(panel, view)));
        return html("section", {}, html("h2", {}, title), html("div", { class: groups[within[0].kind] }, ...drawn));
      }),
    );
    if (turn !== asked) return;
    last = Date.now() / 1000;
    at("main").replaceChildren(...parts);
    head(state, alerts);
    redraw();
    at("trouble").hidden = true;
    document.documentElement.dataset.drawn = last;
  } catch (error) {
    if (turn !== asked) return;
    const since = last ? "What stands here is from " + clock(last, { timeStyle: "medium" }) + "." : "";
    at("trouble").textContent = "Prometheus does not answer (" + error.message + "). " + since;
    at("trouble").hidden = false;
  }
}

const redraw = () => charts.forEach((one) => one.draw());

bar.addEventListener("change", () => {
  for (const name of ["deployment", "instance", "range"]) chosen[name] = bar[name].value;
  history.replaceState(null, "", "?" + new URLSearchParams(chosen));
  refresh();
});
bar.addEventListener("submit", (event) => event.preventDefault());
addEventListener("resize", redraw);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
// A link that somebody has reached by keyboard would be gone.
const held = () => document.hidden || document.activeElement?.closest("main a");
setInterval(() => bar.live.checked && !held() && refresh(), Math.max(30, given.interval) * 1000);
at("page").hidden = false;
at("zone").textContent = " (" + Intl.DateTimeFormat().resolvedOptions().timeZone + ")";
refresh();

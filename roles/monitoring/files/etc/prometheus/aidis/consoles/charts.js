// Copyright (c) 2026, Ridgetop Developers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Lines over time.

const HEIGHT = 190;
const NAMED = 8;
const EDGE = { left: 58, right: 10, top: 16, bottom: 20 };

/** Round numbers from 0 to at least the most. */
function ticks(unit, most) {
  const [much] = scale(unit, most);
  const rough = most / much / 4 || 1;
  const exact = 10 ** Math.floor(Math.log10(rough));
  // There is no half of what is counted.
  const whole = unit === "number" && exact <= 1;
  const power = whole ? 1 : exact;
  const step = (whole ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10]).find((times) => times * power >= rough * 0.999) * power;
  const count = Math.ceil((most / much / step) * 0.999);
  return Array.from({ length: count + 1 }, (_, index) => index * step * much);
}

function timeTicks({ start, end }) {
  const step = [600, 1800, 3600, 10800, 14400, 21600, 86400, 172800].find((one) => (end - start) / one <= 7);
  const zone = new Date(end * 1000).getTimezoneOffset() * 60;
  const first = Math.ceil((start - zone) / step) * step + zone;
  const words = step >= 86400 ? { weekday: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit" };
  return Array.from({ length: Math.floor((end - first) / step) + 1 }, (_, index) => first + index * step).map(
    (time) => [time, clock(time, words)],
  );
}

/** Runs of points without a hole between them. */
function runs(points, step) {
  return points.reduce((all, point) => {
    const run = all.at(-1);
    if (run && point[0] - run.at(-1)[0] <= step * 1.5) run.push(point);
    else all.push([point]);
    return all;
  }, []);
}

class Chart {
  constructor(panel, series, view) {
    Object.assign(this, { panel, view, series: series.filter(({ points }) => points.length) });
    const hosts = new Set(this.series.map(({ metric }) => metric.instance));
    for (const one of this.series) {
      const labels = [
        ...(one.query.labels ?? []).map((name) => one.metric[name]),
        hosts.size > 1 ? one.metric.instance : "",
      ];
      one.name = [one.query.legend, ...labels.filter((label) => label)].join(" ");
    }
    // Where there are too many to name them all, those are named that are next to the limit.
    const less = panel.base === "fail" ? 1 : -1;
    const ends = ({ points }) => points.at(-1)[1];
    if (this.series.length > NAMED) this.series.sort((one, other) => less * (ends(one) - ends(other)));
    this.series.forEach((one, index) => (one.hue = "line-" + ((index % 6) + 1)));
    this.known = this.series.length > 0;
    this.figure = html("figure", {
      class: "chart",
      "data-panel": panel.id,
      "data-series": this.series.length,
    });
    this.figure.append(html("figcaption", {}, html("h3", {}, panel.title)));
    if (!this.known) {
      this.figure.append(html("p", { class: "empty unknown" }, "not known"));
      return;
    }
    this.plot = svg("svg", { height: HEIGHT, role: "img" });
    this.legend = html("ul", { class: "legend" });
    this.figure.append(this.plot, this.legend);
    this.plot.addEventListener("pointermove", ({ offsetX }) => point(this.time(offsetX)));
    this.plot.addEventListener("pointerleave", () => point(null));
    this.tellValues(null);
  }

  x(time) {
    return (
      EDGE.left + ((time - this.view.start) / (this.view.end - this.view.start)) * (this.width - EDGE.left - EDGE.right)
    );
  }

  y(value) {
    return HEIGHT - EDGE.bottom - (value / this.most) * (HEIGHT - EDGE.top - EDGE.bottom);
  }

  time(x) {
    const share = (x - EDGE.left) / (this.width - EDGE.left - EDGE.right);
    return this.view.start + Math.min(Math.max(share, 0), 1) * (this.view.end - this.view.start);
  }

  draw() {
    if (!this.known) return;
    const { panel, view } = this;
    this.width = this.plot.clientWidth || 400;
    this.plot.setAttribute("viewBox", [0, 0, this.width, HEIGHT].join(" "));
    const lines = limits(panel);
    const values = this.series.flatMap(({ points }) => points.map(([, value]) => value));
    const steps = ticks(panel.unit, panel.max ?? (Math.max(...values, ...lines.map(({ value }) => value * 1.1)) || 1));
    this.most = steps.at(-1);
    const [much, sign] = scale(panel.unit, this.most);
    const right = this.width - EDGE.right;
    this.cursor = svg("line", { class: "cursor", y1: EDGE.top, y2: HEIGHT - EDGE.bottom, visibility: "hidden" });
    this.plot.replaceChildren(
      ...steps.flatMap((value) => [
        svg("line", { class: "grid", x1: EDGE.left, x2: right, y1: this.y(value), y2: this.y(value) }),
        svg("text", { x: EDGE.left - 6, y: this.y(value) + 4, "text-anchor": "end" }, number(value / much) + sign),
      ]),
      ...timeTicks(view).map(([time, words]) =>
        svg("text", { x: this.x(time), y: HEIGHT - 5, "text-anchor": "middle" }, words),
      ),
      ...marks.filter(({ time }) => time >= view.start && time <= view.end).map((mark) => this.mark(mark)),
      ...this.series.flatMap((one) => this.curves(one)),
      ...lines.map(({ value, tone: name }) => this.limit(value, name === "pass" ? panel.base : name)),
      this.cursor,
    );
  }

  mark({ kind, release, time }) {
    const x = this.x(time);
    const flag = svg("path", { class: "flag", d: ["M", x - 5, 3, "h10", "l-5", 8, "z"].join(" ") });
    const line = svg("line", { x1: x, x2: x, y1: 8, y2: HEIGHT - EDGE.bottom });
    return svg(
      "g",
      { class: "mark " + (kind in tones ? kind : "") },
      svg("title", {}, [kind, release, moment(time)].join(" ")),
      line,
      flag,
    );
  }

  limit(value, name) {
    const y = this.y(value);
    const words = svg(
      "text",
      { class: "word", x: EDGE.left + 4, y: y < EDGE.top + 12 ? y + 13 : y - 5 },
      "limit " + tell(this.panel.unit, value),
    );
    return svg(
      "g",
      { class: name },
      svg("line", { class: "limit", x1: EDGE.left, x2: this.width - EDGE.right, y1: y, y2: y }),
      words,
    );
  }

  curves({ points, query, hue }) {
    const one = this.series.length === 1;
    return runs(points, this.view.step).flatMap((run) => {
      const line =
        "M" +
        run.map(([time, value]) => [this.x(time).toFixed(1), this.y(value).toFixed(1)].join(",")).join("L") +
        "h.01";
      const foot = HEIGHT - EDGE.bottom;
      const area = line + "V" + foot + "H" + this.x(run[0][0]).toFixed(1) + "z";
      const curve = svg("path", { class: "curve " + hue + (query.dashed ? " dashed" : ""), d: line });
      return one ? [svg("path", { class: "area " + hue, d: area }), curve] : [curve];
    });
  }

  /** The values at a moment, by default the last ones, as words: for those who cannot see or do not point. */
  tellValues(time) {
    if (!this.known) return;
    const told = this.series.slice(0, NAMED).map(({ points, name, hue, query }) => {
      const near = time === null ? points.at(-1) : points.findLast((one) => one[0] <= time);
      const known = near && (time ?? this.view.end) - near[0] <= this.view.step * 2;
      const text = known ? tell(this.panel.unit, near[1]) : "not known";
      const key = svg(
        "svg",
        { "aria-hidden": "true" },
        svg("path", { class: "curve " + hue + (query.dashed ? " dashed" : ""), d: "M1,4h16" }),
      );
      return { text: name + " " + text, item: html("li", {}, key, name, " ", html("b", {}, text)) };
    });
    const more = this.series.length - told.length;
    this.legend.replaceChildren(...told.map(({ item }) => item), more ? html("li", {}, "and " + more + " more") : "");
    this.plot.setAttribute("aria-label", [this.panel.title, ...told.map(({ text }) => text)].join(", "));
    if (!this.cursor) return;
    this.cursor.setAttribute("visibility", time === null ? "hidden" : "visible");
    if (time !== null) fill(this.cursor, { x1: this.x(time), x2: this.x(time) }, []);
  }
}

/** One moment in all charts. */
function point(time) {
  for (const one of charts) one.tellValues(time);
}

async function chart(panel, view) {
  const series = (await Promise.all(panel.queries.map((query) => over(query, view)))).flat();
  const made = new Chart(panel, series, view);
  charts.push(made);
  return made.figure;
}

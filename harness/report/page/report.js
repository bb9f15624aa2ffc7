"use strict";
// The page of `occkit report`: charts by dygraphs, and what leads from a table to a cell. Every text of a file comes in
// by textContent. Without dygraphs, or without this script, the tables say the same.
(() => {
  const byId = (id) => document.getElementById(id);
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  function openCell() {
    const cell = /^#cell-\d+$/.test(location.hash) && byId(location.hash.slice(1));
    if (!cell) return;
    cell.open = true;
    cell.scrollIntoView();
    cell.querySelector("summary").focus();
  }
  window.addEventListener("hashchange", openCell);
  openCell();

  const holder = byId("data");
  if (!holder || typeof Dygraph === "undefined") return;
  const data = JSON.parse(holder.textContent);
  if (data.panels.length === 0) return;

  // Its legend writes styles into the page's text, which the page's policy forbids; the page has a readout instead.
  Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

  // Numbers as people read them.
  const significant = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 1e6 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
  };
  const scaled = (value, steps) => {
    const [factor, unit] = steps.find(([from]) => Math.abs(value) >= 0.9995 * from) || steps[steps.length - 1];
    return significant(value / factor) + unit;
  };
  const count = (value) => scaled(value, [[1e9, " G"], [1e6, " M"], [1e3, " k"], [1, ""]]);
  const time = (ns) => scaled(ns, [[1e9, " s"], [1e6, " ms"], [1e3, " us"], [1, " ns"]]);

  // What each figure shows of a point: [low, median, high, is a range], or null.
  const kFigures = [
    {
      title: () => state.baseline ? `throughput, relative to ${state.baseline}` : "throughput (ops_per_s)",
      value: (point) => state.baseline ? point.ratios[state.baseline] : point.throughput,
      text: (value) => state.baseline ? significant(value) : count(value),
      line: () => state.baseline ? 1 : null,
    },
    {
      title: () => "conflicts per 1000 attempts", value: (point) => point.conflicts, text: significant,
      predicted: (point) => point.predicted && point.predicted.conflicts,
    },
    {
      title: () => "retries per update (mean)", value: (point) => point.retries, text: significant,
      prefix: (value) => value[3] ? ">= " : "", bare: true,
      predicted: (point) => point.predicted && point.predicted.retries,
    },
    {
      title: () => `service time, ${percentileName(state.percentile)}`,
      value: (point) => point.latency[state.percentile], text: time,
    },
    { title: () => "fairness over threads (Jain: 1 is fair)", value: (point) => point.fairness, text: significant },
    { title: () => "memory, bytes per document", value: (point) => point.memory, text: count },
  ];
  const percentileName = (name) => ({ p999: "p99.9", max: "slowest" })[name] || name;

  const state = { panel: 0, baseline: "", percentile: "p99", logarithmic: false, hidden: new Set(), printing: false };
  const charts = [];

  // Looks: those of the figures; on a dark page a colour is lightened until it shows.
  const isDark = () => !state.printing && matchMedia("(prefers-color-scheme: dark)").matches;
  const luminance = ([r, g, b]) => {
    const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  };
  function shown(color) {
    if (!isDark()) return color;
    let parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    if (Math.max(...parts) - Math.min(...parts) < 8) parts = parts.map((part) => 255 - Math.floor(part / 1.6));
    const lighter = (part) => Math.round(part + (255 - part) * 0.1);
    for (let k = 0; k < 20 && luminance(parts) < 0.22; ++k) parts = parts.map(lighter);
    return `rgb(${parts.join(", ")})`;
  }
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const polygon = (corners, turn, inner = 1) => Array.from({ length: inner === 1 ? corners : 2 * corners }, (_, k) => {
    const angle = turn + (k * 2 * Math.PI) / (inner === 1 ? corners : 2 * corners);
    const radius = inner !== 1 && k % 2 ? inner : 1;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  });
  const cross = (arm, turn) => {
    const points = [[-arm, -1], [arm, -1], [arm, -arm], [1, -arm], [1, arm], [arm, arm], [arm, 1], [-arm, 1],
      [-arm, arm], [-1, arm], [-1, -arm], [-arm, -arm]];
    return points.map(([x, y]) => [x * Math.cos(turn) - y * Math.sin(turn), x * Math.sin(turn) + y * Math.cos(turn)]);
  };
  const kMarkers = {
    s: polygon(4, Math.PI / 4), D: polygon(4, 0), d: polygon(4, 0).map(([x, y]) => [x * 0.6, y]), "^": polygon(3, 0),
    v: polygon(3, Math.PI), "<": polygon(3, -Math.PI / 2), ">": polygon(3, Math.PI / 2), p: polygon(5, 0),
    h: polygon(6, 0), H: polygon(6, Math.PI / 6), 8: polygon(8, Math.PI / 8), "*": polygon(5, 0, 0.42),
    P: cross(0.35, 0), X: cross(0.35, Math.PI / 4),
  };
  function drawMarker(context, x, y, look, size, hollow) {
    context.beginPath();
    const points = kMarkers[look.marker];
    if (points) {
      points.forEach(([dx, dy], k) => context[k ? "lineTo" : "moveTo"](x + size * dx, y + size * dy));
      context.closePath();
    } else {
      context.arc(x, y, size * 0.85, 0, 2 * Math.PI);
    }
    context.fillStyle = hollow ? css("--paper") : shown(look.color);
    context.strokeStyle = shown(look.color);
    context.lineWidth = 1.2;
    context.setLineDash([]);
    context.fill();
    context.stroke();
  }
  const strokes = (look) => (look.dash.length ? look.dash.map((length) => length * 1.6) : null);
  function keyOf(look) {
    const canvas = make("canvas", { className: "key", width: 96, height: 32 });
    canvas.style.width = "48px";
    canvas.style.height = "16px";
    canvas.setAttribute("aria-hidden", "true");
    const context = canvas.getContext("2d");
    context.scale(2, 2);
    context.strokeStyle = shown(look.color);
    context.lineWidth = 2;
    context.setLineDash(look.dash.map((length) => length * 2));
    context.beginPath();
    context.moveTo(1, 8);
    context.lineTo(47, 8);
    context.stroke();
    drawMarker(context, 24, 8, look, 5, false);
    return canvas;
  }

  const panel = () => data.panels[state.panel];
  const drawnLooks = (figure) => data.competitors.filter(
    (look) => !state.hidden.has(look.label) && panel().cells.some((cell) => valueAt(figure, cell, look)));
  function valueAt(figure, cell, look) {
    const point = cell.points[look.label];
    const value = (point && figure.value(point)) || null;
    return value && state.logarithmic && value[1] <= 0 ? null : value;
  }
  // What the model says where something is drawn; null where it says nothing, or nothing that can be drawn.
  function predictedAt(figure, cell, look) {
    const point = figure.predicted && cell.points[look.label];
    const value = point ? figure.predicted(point) : null;
    return value === null || (state.logarithmic && value <= 0) ? null : value;
  }

  function range(figure, looks) {
    const values = panel().cells.flatMap((cell) => looks.map((look) => valueAt(figure, cell, look))).filter(Boolean);
    const predicted = panel().cells.flatMap((cell) => looks.map((look) => predictedAt(figure, cell, look)));
    const more = [figure.line && figure.line(), ...predicted].filter((value) => typeof value === "number");
    const all = values.flatMap((value) => value.slice(0, 3)).concat(more);
    if (!state.logarithmic) return [0, Math.max(...all, 0) * 1.06 || 1];
    const above = all.filter((value) => value > 0);
    return [Math.min(...above) / 1.25, Math.max(...above) * 1.25];
  }

  function ticks(figure, [low, high]) {
    const marks = [];
    if (state.logarithmic) {
      const wide = high / low > 30;
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); ++power) {
        for (const digit of wide ? [1] : [1, 2, 5]) marks.push(digit * 10 ** power);
      }
    } else {
      const raw = high / 5;
      const base = 10 ** Math.floor(Math.log10(raw));
      const step = [1, 2, 5, 10].map((digit) => digit * base).find((each) => each >= raw * 0.999);
      for (let value = 0; value <= high; value += step) marks.push(value);
    }
    const inside = marks.filter((value) => value >= low && value <= high);
    return inside.map((v) => ({ v, label: figure.text(Number(v.toPrecision(12))) }));
  }

  function readout(chart, row) {
    const cell = panel().cells[row];
    const threads = `${cell.threads} thread${cell.threads === 1 ? "" : "s"}`;
    const all = chart.looks.map((look) => ({ look, value: valueAt(chart.figure, cell, look) }));
    const lines = all.filter((line) => line.value);
    lines.sort((a, b) => b.value[1] - a.value[1]);
    const body = make("tbody");
    const words = [];
    for (const { look, value } of lines) {
      const median = ((chart.figure.prefix && chart.figure.prefix(value)) || "") + chart.figure.text(value[1]);
      const bounds = chart.figure.bare || value[0] === value[2] ? "" :
        `${value[3] ? "range " : ""}${chart.figure.text(value[0])} - ${chart.figure.text(value[2])}`;
      const point = cell.points[look.label];
      const guess = predictedAt(chart.figure, cell, look);
      const predicted = guess === null ? "" : `predicted ${chart.figure.text(guess)}`;
      const marks = `n ${point.n}${point.disturbed ? ", disturbed" : ""}`;
      const cells = [median, bounds, predicted, marks].map((textContent) => make("td", { textContent }));
      body.append(make("tr", {}, make("th", { scope: "row" }, keyOf(look), " ", look.label), ...cells));
      words.push(`${look.label} ${median}${predicted && `, ${predicted}`}`);
    }
    chart.readout.replaceChildren(make("table", {}, make("caption", { textContent: threads }), body));
    chart.place.setAttribute("aria-valuenow", String(row));
    chart.place.setAttribute("aria-valuetext", `${threads}: ${words.join("; ") || "nothing"}`);
  }

  function select(chart, row) {
    chart.row = Math.max(0, Math.min(panel().cells.length - 1, row));
    readout(chart, chart.row);
    if (chart.graph) chart.graph.setSelection(chart.row);
  }

  function drawChart(chart) {
    const { figure, place } = chart;
    if (chart.graph) chart.graph.destroy();
    chart.graph = null;
    chart.title.textContent = figure.title();
    place.setAttribute("aria-label", `${figure.title()}, by threads`);
    chart.looks = drawnLooks(figure);
    chart.readout.replaceChildren();
    place.replaceChildren();
    if (chart.looks.length === 0) {
      const why = "Nothing to draw: not measured, not selected, or 0 on a logarithmic axis.";
      place.append(make("p", { className: "empty", textContent: why }));
      place.removeAttribute("tabindex");
      return;
    }
    place.tabIndex = 0;
    const cells = panel().cells;
    const x = cells.map((cell) => Math.log2(cell.threads));
    const rows = cells.map((cell, row) => [x[row], ...chart.looks.map((look) => {
      const value = valueAt(figure, cell, look);
      return value && value[1];
    })]);
    const [low, high] = range(figure, chart.looks);
    const margin = Math.max(0.2, (x[x.length - 1] - x[0]) * 0.06);
    const window_ = [x[0] - margin, x[x.length - 1] + margin];
    // dygraphs puts names into the page as HTML, so it gets numbers instead of names.
    const names = chart.looks.map((_, k) => `s${k}`);
    const drawPoint = (extra) => (graph, name, context, cx, cy, _color, _size, row) => {
      const look = chart.looks[Number(name.slice(1))];
      const value = valueAt(figure, cells[row], look);
      if (!value) return;
      if (!figure.bare && value[0] !== value[2]) {
        const top = graph.toDomYCoord(value[2]);
        const bottom = graph.toDomYCoord(state.logarithmic ? Math.max(value[0], low) : value[0]);
        context.strokeStyle = shown(look.color);
        context.globalAlpha = 0.75;
        context.lineWidth = 1.3;
        context.setLineDash([]);
        context.beginPath();
        context.moveTo(cx, top);
        context.lineTo(cx, bottom);
        for (const y of [top, bottom]) {
          context.moveTo(cx - 3, y);
          context.lineTo(cx + 3, y);
        }
        context.stroke();
        context.globalAlpha = 1;
      }
      const guess = predictedAt(figure, cells[row], look);
      if (guess !== null) {
        const y = graph.toDomYCoord(guess);
        context.strokeStyle = shown(look.color);
        context.lineWidth = 3;
        context.setLineDash([]);
        context.beginPath();
        context.moveTo(cx - 9, y);
        context.lineTo(cx + 9, y);
        context.stroke();
      }
      drawMarker(context, cx, cy, look, 4.5 + extra, cells[row].points[look.label].disturbed);
    };
    chart.graph = new Dygraph(place, rows, {
      labels: ["threads", ...names],
      colors: chart.looks.map((look) => shown(look.color)),
      series: Object.fromEntries(chart.looks.map((look, k) => [`s${k}`, { strokePattern: strokes(look) }])),
      strokeWidth: 1.6,
      drawPoints: true,
      connectSeparatedPoints: true,
      pointSize: 5,
      drawPointCallback: drawPoint(0),
      drawHighlightPointCallback: drawPoint(1.5),
      highlightCircleSize: 6,
      legend: "never",
      xlabel: "threads",
      dateWindow: window_,
      valueRange: [low, high],
      logscale: state.logarithmic,
      axisLineColor: css("--line"),
      gridLineColor: css("--line"),
      interactionModel: {},
      animatedZooms: false,
      axes: {
        x: { drawGrid: false, axisLabelWidth: 30, ticker: () => x.map((v, row) => ({ v, label: String(cells[row].threads) })) },
        y: { axisLabelWidth: 58, ticker: () => ticks(figure, [low, high]) },
      },
      highlightCallback: (_event, _x, _points, row) => {
        if (row !== chart.row) {
          chart.row = row;
          readout(chart, row);
        }
      },
      underlayCallback: (context, area, graph) => {
        if (data.cores && cells[cells.length - 1].threads > data.cores) {
          const from = Math.max(area.x, graph.toDomXCoord(Math.log2(data.cores)));
          context.fillStyle = css("--band");
          context.fillRect(from, area.y, area.x + area.w - from, area.h);
          context.fillStyle = css("--soft");
          context.font = "11px sans-serif";
          context.fillText(`${data.cores} cores`, from + 4, area.y + 12);
        }
        const line = figure.line && figure.line();
        if (line) {
          context.strokeStyle = css("--soft");
          context.lineWidth = 1;
          context.setLineDash([]);
          const y = graph.toDomYCoord(line);
          context.beginPath();
          context.moveTo(area.x, y);
          context.lineTo(area.x + area.w, y);
          context.stroke();
        }
      },
    });
    place.setAttribute("aria-valuemin", "0");
    place.setAttribute("aria-valuemax", String(cells.length - 1));
    select(chart, Math.min(chart.row, cells.length - 1));
  }

  function drawAll() {
    byId("panel-settings").textContent = panel().settings;
    charts.forEach(drawChart);
  }

  // The controls.
  const fill = (element, options) => element.append(
    ...options.map(([value, textContent]) => make("option", { value, textContent })));
  const on = (id, kind, change) => byId(id).addEventListener(kind, (event) => {
    change(event.target);
    drawAll();
  });
  fill(byId("panel"), data.panels.map((each, k) => [String(k), each.name]));
  fill(byId("baseline"), data.competitors.map((look) => [look.label, look.label]));
  const percentiles = ["p50", "p90", "p99", "p999", "max"].filter((name) => data.panels.some((each) => each.cells.some(
    (cell) => Object.values(cell.points).some((point) => point.latency[name]))));
  fill(byId("percentile"), percentiles.map((name) => [name, percentileName(name)]));
  if (percentiles.includes(state.percentile)) byId("percentile").value = state.percentile;
  on("panel", "change", (element) => { state.panel = Number(element.value); });
  on("baseline", "change", (element) => { state.baseline = element.value; });
  on("percentile", "change", (element) => { state.percentile = element.value; });
  on("logarithmic", "change", (element) => { state.logarithmic = element.checked; });

  function drawKeys() {
    const group = byId("strategies");
    const legend = group.querySelector("legend");
    const boxes = data.competitors.map((look) => {
      const box = make("input", { type: "checkbox", checked: !state.hidden.has(look.label) });
      box.addEventListener("change", () => {
        state.hidden[box.checked ? "delete" : "add"](look.label);
        drawAll();
      });
      return make("label", {}, box, keyOf(look), " ", look.label);
    });
    const all = (name, hide) => {
      const button = make("button", { type: "button", textContent: name });
      button.addEventListener("click", () => {
        state.hidden = new Set(hide ? data.competitors.map((look) => look.label) : []);
        drawKeys();
        drawAll();
        byId("strategies").querySelectorAll("button")[hide ? 1 : 0].focus();
      });
      return button;
    };
    group.replaceChildren(legend, ...boxes, all("show all", false), all("hide all", true));
  }

  byId("charts").hidden = false;
  drawKeys();
  for (const figure of kFigures) {
    const title = make("figcaption");
    const place = make("div", { className: "chart" });
    place.setAttribute("role", "slider");
    place.setAttribute("aria-orientation", "horizontal");
    const chart = { figure, title, place, readout: make("div", { className: "readout" }), graph: null, looks: [] };
    chart.row = panel().cells.length - 1;
    place.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -1e6, End: 1e6 };
      if (!(event.key in steps) || !chart.graph) return;
      event.preventDefault();
      select(chart, chart.row + steps[event.key]);
    });
    place.addEventListener("pointerdown", (event) => {
      if (!chart.graph) return;
      const at = chart.graph.toDataXCoord(event.clientX - place.getBoundingClientRect().left);
      const distances = panel().cells.map((cell) => Math.abs(Math.log2(cell.threads) - at));
      select(chart, distances.indexOf(Math.min(...distances)));
    });
    charts.push(chart);
    byId("figures").append(make("figure", {}, title, place, chart.readout));
  }
  drawAll();

  const redraw = () => {
    drawKeys();
    drawAll();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => {
    state.printing = true;
    redraw();
  });
  window.addEventListener("afterprint", () => {
    state.printing = false;
    redraw();
  });
})();

// The gate explorer. Every number comes from Python, by messages (see board.py); here it is drawn.

const WIDTH = 460, HEIGHT = 400;
const BOX = { left: 58, top: 10, width: 392, height: 346 };
const NEAR = 9; // pixels from a point that still mean it
const COARSE = 14; // cells along each axis while something is dragged
const REST = 250; // milliseconds without a change, then the map is fine
const GREY = "#808080";

const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const spelt = (number) => (number === null ? "missing" : String(Number(number.toPrecision(4))));
const named = (feature, place) =>
  place === null || !feature.labels ? spelt(place) : feature.labels[place];

// Places of a feature as shares of its line, and back.
const share = (feature, place) =>
  feature.labels ? (place + 0.5) / feature.labels.length : (place - feature.low) / (feature.high - feature.low);
const placeAt = (feature, part) => {
  const inside = Math.min(Math.max(part, 0), 1);
  if (feature.labels) return Math.min(Math.floor(inside * feature.labels.length), feature.high);
  const steps = Math.round((inside * (feature.high - feature.low)) / feature.step);
  return Math.min(feature.low + steps * feature.step, feature.high);
};

// One question at a time: of each kind the latest waits, the others are never sent.
function asker(model, heed) {
  const name = Math.random().toString(36).slice(2);
  const waiting = new Map();
  let count = 0, sent = null, since = 0;
  const next = () => {
    const kind = ["row", "points", "map"].find((one) => waiting.has(one));
    if (sent !== null || !kind) return;
    const message = { ...waiting.get(kind), ask: kind, id: `${name} ${count++}` };
    waiting.delete(kind);
    [sent, since] = [message.id, performance.now()];
    model.send(message);
  };
  const receive = (answer) => {
    if (answer.id !== sent) return;
    sent = null;
    heed(answer, performance.now() - since);
    next();
  };
  model.on("msg:custom", receive);
  return {
    ask(kind, message) { waiting.set(kind, message); next(); },
    end() { model.off("msg:custom", receive); },
  };
}

function render({ model, el }) {
  const board = model.get("state");
  const { features, experts } = board;
  const view = { row: board.row, changes: {}, off: new Set(), label: null, columns: [...board.columns] };
  const sliders = [...board.sliders];
  let points = null, map = null, told = null, mapOf = "", resting = 0;

  const canvas = make("canvas", { width: WIDTH * 2, height: HEIGHT * 2 });
  canvas.style.cssText = `width: ${WIDTH}px; height: ${HEIGHT}px`;
  canvas.dataset.box = JSON.stringify(BOX);
  const table = make("table"), knobs = make("div"), status = make("div", { className: "moe-status" });
  const choices = make("div", { className: "moe-choices" });
  const root = make("div", { className: "moe-explorer" }, choices, canvas, make("div", {}, table, knobs), status);
  el.append(root);

  const questions = asker(model, (answer, milliseconds) => {
    if (answer.error) return void (status.textContent = answer.error);
    root.dataset[`${answer.ask}Ms`] = milliseconds.toFixed(0);
    if (answer.ask === "points") points = answer;
    if (answer.ask === "map") map = answer;
    if (answer.ask === "row") { told = answer; showTold(); showKnobs(); showStatus(); }
    draw();
  });
  const of = () => ({ row: view.row, changes: view.changes, off: [...view.off] });

  function askMap(size) {
    const rest = Object.entries(view.changes).filter(([j]) => !view.columns.includes(Number(j)));
    const key = JSON.stringify([view.columns, view.row, rest, [...view.off], size]);
    if (key === mapOf || key.replace(/\d+]$/, `${board.fine}]`) === mapOf) return;
    mapOf = key;
    questions.ask("map", { ...of(), changes: Object.fromEntries(rest), columns: view.columns, size });
  }
  function changed() {
    questions.ask("row", { ...of(), label: view.label });
    askMap(COARSE);
    clearTimeout(resting);
    resting = setTimeout(() => askMap(board.fine), REST);
  }
  function choose(row) {
    Object.assign(view, { row, changes: {} });
    changed();
  }
  function move(j, place) {
    view.changes = { ...view.changes, [j]: place };
    changed();
  }
  function showPlane() {
    points = map = null;
    questions.ask("points", { columns: view.columns });
    for (const j of view.columns) if (!sliders.includes(j)) sliders.push(j);
    buildKnobs();
    changed();
  }

  // Choices: the axes, the class, the row.
  function select(title, entries, chosen, onPick) {
    const options = entries.map(([value, text]) => make("option", { value, textContent: text, selected: value === chosen }));
    const node = make("select", { onchange: () => onPick(node.value) }, ...options);
    return make("label", {}, `${title} `, node);
  }
  const movable = board.order.map((j) => [j, features[j].name]);
  board.columns.forEach((column, k) =>
    choices.append(select(["across", "up"][k], movable, column, (value) => {
      const other = view.columns[1 - k];
      if (other === Number(value)) view.columns[1 - k] = view.columns[k];
      view.columns[k] = Number(value);
      choices.querySelectorAll("select").forEach((node, i) => { if (i < view.columns.length) node.value = view.columns[i]; });
      showPlane();
    })));
  if (board.classes && board.classes.length > 2) {
    const classes = [["", "the predicted"], ...board.classes.map((name, code) => [code, name])];
    choices.append(select("class", classes, "", (value) => {
      view.label = value === "" ? null : Number(value);
      changed();
    }));
  }
  const rowInput = make("input", { type: "number", min: 0, max: board.n_rows - 1, value: view.row });
  rowInput.onchange = () => choose(Math.min(Math.max(Math.round(rowInput.valueAsNumber || 0), 0), board.n_rows - 1));
  const back = make("button", { textContent: "back to the row", onclick: () => choose(view.row) });
  choices.append(make("label", {}, "row ", rowInput), back);

  // What the mixture says of the row.
  function bar(value, most, color) {
    const node = make("span", { className: "moe-bar" });
    node.style.cssText = `width: ${(60 * Math.abs(value)) / (most || 1)}px; background: ${color}`;
    return node;
  }
  function showTold() {
    const said = board.classes ? `P(${board.classes[told.label]})` : "predicts";
    const titles = ["expert", "on", "gate weight", said, ...(told.trust ? ["moves the answer"] : [])];
    const farthest = told.trust ? Math.max(...told.trust.map(Math.abs)) : 1;
    const cell = (...children) => make("td", {}, ...children);
    const moved = (k, color) => (told.trust ? [cell(bar(told.trust[k], farthest, color), spelt(told.trust[k]))] : []);
    const rows = experts.map(({ name, color }, k) => {
      const off = view.off.has(k);
      const box = make("input", { type: "checkbox", checked: !off, disabled: !off && view.off.size === experts.length - 1 });
      box.onchange = () => { view.off[box.checked ? "delete" : "add"](k); changed(); };
      const weight = cell(bar(told.weights[k], 1, color), told.weights[k].toFixed(3));
      weight.dataset.value = told.weights[k];
      const swatch = bar(1, 4, color);
      const line = make("tr", { className: off ? "moe-off" : "" }, cell(swatch, name), cell(box), weight,
        cell(off ? "off" : spelt(told.said[k])), ...moved(k, color));
      line.dataset.expert = name;
      return line;
    });
    if (told.trust) rows.push(make("tr", {}, cell("correction"), cell(), cell(), cell(), ...moved(experts.length, GREY)));
    const pooled = make("tr", { className: "moe-pooled" }, cell("pooled"), cell(), cell(), cell(spelt(told.pooled)));
    pooled.dataset.value = told.pooled;
    if (told.trust) pooled.append(cell(told.predicted === null ? "" : `predicted: ${told.predicted}`));
    table.replaceChildren(make("tr", {}, ...titles.map((textContent) => make("th", { textContent }))), ...rows, pooled);
    root.dataset.told = JSON.stringify(told);
  }
  function showStatus() {
    const moved = Object.entries(view.changes).map(([j, place]) => `${features[j].name} = ${named(features[j], place)}`);
    const row = moved.length ? `row ${view.row}, but ${moved.join(", ")}` : `row ${view.row}`;
    status.textContent = board.remark ? `${row}. ${board.remark}` : row;
    rowInput.value = view.row;
    back.disabled = !moved.length;
  }

  // Sliders, one for each feature that is shown; more can be added.
  function buildKnobs() {
    const lines = sliders.map((j) => {
      const feature = features[j];
      const range = make("input", { type: "range", min: feature.low, max: feature.high, step: feature.labels ? 1 : "any" });
      const whole = (value) => (feature.step === 1 ? Math.round(value) : value);
      range.oninput = () => move(j, whole(range.valueAsNumber));
      const value = feature.labels ? make("span") : make("input", { type: "number", step: "any", placeholder: "missing" });
      value.onchange = () => { if (Number.isFinite(value.valueAsNumber)) move(j, value.valueAsNumber); };
      const line = make("label", { className: "moe-slider" }, make("span", { textContent: feature.name, title: feature.name }), range, value);
      line.dataset.feature = feature.name;
      return line;
    });
    const others = movable.filter(([j]) => !sliders.includes(j));
    if (others.length) {
      lines.push(select("move", [["", `${others.length} more features`], ...others], "", (value) => {
        sliders.push(Number(value));
        buildKnobs();
        showKnobs();
      }));
    }
    const fixed = features.filter((feature) => feature.fixed);
    const few = fixed.slice(0, 3).map((feature) => `${feature.name} ${feature.fixed}`).join("; ");
    if (fixed.length) lines.push(make("small", { textContent: `Not to be moved: ${few}${fixed.length > 3 ? "; ..." : ""}` }));
    knobs.replaceChildren(...lines);
  }
  function showKnobs() {
    if (!told) return;
    knobs.querySelectorAll(".moe-slider").forEach((line, i) => {
      const feature = features[sliders[i]], place = told.places[sliders[i]];
      const [range, value] = [line.children[1], line.children[2]];
      if (document.activeElement !== range && place !== null) range.value = place;
      if (feature.labels) value.textContent = named(feature, place);
      else if (document.activeElement !== value) value.value = place === null ? "" : Number(place.toPrecision(6));
    });
  }

  // The map.
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  const across = (place) => BOX.left + BOX.width * share(features[view.columns[0]], place);
  const up = (place) => BOX.top + BOX.height * (1 - share(features[view.columns[1]], place));
  const alone = () => view.columns.length === 1;
  const height = (k) => (alone() ? BOX.top + BOX.height - 6 : up(points.places[1][k]));
  const isDrawn = (k) => points.places.every((places) => places[k] !== null);

  function drawMap() {
    const [high, wide] = map.shape;
    const image = new ImageData(wide, high);
    map.best.forEach((k, cell) => {
      const pixel = (high - 1 - Math.floor(cell / wide)) * wide + (cell % wide);
      const [red, green, blue] = [1, 3, 5].map((i) => parseInt(experts[k].color.slice(i, i + 2), 16));
      image.data.set([red, green, blue, 150 * map.strength[cell]], 4 * pixel);
    });
    const small = make("canvas", { width: wide, height: high });
    small.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, BOX.left, BOX.top, BOX.width, BOX.height);
  }
  function drawLines() {
    map.weights.forEach((line, k) => {
      pen.beginPath();
      line.forEach((weight, i) => pen.lineTo(BOX.left + (BOX.width * (i + 0.5)) / line.length, BOX.top + BOX.height * (1 - weight)));
      pen.strokeStyle = experts[k].color;
      pen.stroke();
    });
  }
  function drawPoints() {
    pen.strokeStyle = "white";
    pen.lineWidth = 0.6;
    points.rows.forEach((row, k) => {
      if (!isDrawn(k)) return;
      pen.fillStyle = experts[points.best[k]].color;
      pen.beginPath();
      pen.arc(across(points.places[0][k]), height(k), 3, 0, 7);
      pen.fill();
      pen.stroke();
    });
  }
  function drawRow() {
    const at = view.columns.map((j) => told.places[j]);
    if (at.includes(null)) return;
    pen.strokeStyle = "black";
    pen.lineWidth = 2;
    pen.beginPath();
    if (alone()) { pen.moveTo(across(at[0]), BOX.top); pen.lineTo(across(at[0]), BOX.top + BOX.height); }
    else pen.arc(across(at[0]), up(at[1]), 7, 0, 7);
    pen.stroke();
  }
  function write(feature, isUp) {
    const ends = feature.labels ? [0, feature.labels.length - 1] : [feature.low, feature.high];
    pen.save();
    if (isUp) { pen.translate(BOX.left, BOX.top + BOX.height); pen.rotate(-Math.PI / 2); }
    else pen.translate(BOX.left, BOX.top + BOX.height);
    const long = isUp ? BOX.height : BOX.width, line = isUp ? -10 : 16;
    for (const [place, align, x] of [[ends[0], "left", 0], [ends[1], "right", long]]) {
      pen.textAlign = align;
      pen.fillText(named(feature, place).slice(0, 18), x, line);
    }
    pen.textAlign = "center";
    pen.fillText(feature.name.slice(0, 30), long / 2, isUp ? line - 18 : line + 16);
    pen.restore();
  }
  function draw() {
    pen.clearRect(0, 0, WIDTH, HEIGHT);
    pen.fillStyle = "white";
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    pen.lineWidth = 1.5;
    if (map) (map.weights ? drawLines : drawMap)();
    if (points) drawPoints();
    if (told) drawRow();
    pen.fillStyle = "black";
    pen.font = "12px sans-serif";
    write(features[view.columns[0]], false);
    write(alone() ? { name: "gate weight", low: 0, high: 1 } : features[view.columns[1]], true);
  }

  // A click near a point takes its row; elsewhere, or while dragged, it moves the row there.
  function nearest(x, y) {
    let best = null, least = NEAR;
    for (let k = 0; points && k < points.rows.length; k++) {
      if (!isDrawn(k)) continue;
      const far = Math.hypot(across(points.places[0][k]) - x, alone() ? 0 : up(points.places[1][k]) - y);
      if (far < least) [best, least] = [points.rows[k], far];
    }
    return best;
  }
  function moveTo(x, y) {
    const parts = [(x - BOX.left) / BOX.width, 1 - (y - BOX.top) / BOX.height];
    const places = view.columns.map((j, k) => [j, placeAt(features[j], parts[k])]);
    view.changes = { ...view.changes, ...Object.fromEntries(places) };
    changed();
  }
  let from = null;
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = [event.offsetX, event.offsetY];
    const row = nearest(...from);
    if (row === null) moveTo(...from); else choose(row);
  };
  canvas.onpointermove = (event) => {
    if (from && Math.hypot(event.offsetX - from[0], event.offsetY - from[1]) > 4) moveTo(event.offsetX, event.offsetY);
  };
  canvas.onpointerup = canvas.onpointercancel = () => { from = null; };

  showPlane();
  return () => questions.end();
}

export default { render };

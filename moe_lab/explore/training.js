// The rounds of a fit as they come. The button shows where Python hears it while the cell runs.

const WIDTH = 720, HEIGHT = 230, TOP = 10, BOTTOM = 30, LEFT = 70;
const TRIES = 8, PAUSE = 500; // milliseconds

function render({ model, el }) {
  const { experts } = model.get("state");
  const rounds = [];
  const root = document.createElement("div");
  root.className = "moe-explorer moe-training";
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * WIDTH, height: 2 * HEIGHT });
  canvas.style.cssText = `width: ${WIDTH}px; height: ${HEIGHT}px`;
  const status = Object.assign(document.createElement("div"), { className: "moe-status" });
  const button = Object.assign(document.createElement("button"), { textContent: "stop, keep the best so far", hidden: true });
  button.onclick = () => { button.disabled = true; model.send({ ask: "stop" }); };
  const keys = experts.map(({ name, color }) => {
    const key = Object.assign(document.createElement("span"), { className: "moe-key", textContent: name });
    key.style.borderColor = color;
    return key;
  });
  root.append(canvas, document.createElement("br"), button, ...keys, status);
  el.append(root);
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);

  function draw(left, lines) {
    const values = lines.flatMap(({ values }) => values);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const [wide, tall] = [WIDTH / 2 - LEFT - 10, HEIGHT - TOP - BOTTOM];
    const x = (k) => left + (wide * k) / Math.max(rounds.length - 1, 1);
    const y = (value) => TOP + tall * (1 - (value - low) / (high - low || 1));
    for (const { values, color } of lines) {
      pen.strokeStyle = color;
      pen.beginPath();
      values.forEach((value, k) => {
        const isNew = k === 0 || (lines.length === 1 && rounds[k].start !== rounds[k - 1].start);
        pen[isNew ? "moveTo" : "lineTo"](x(k), y(value));
      });
      pen.stroke();
    }
    pen.textAlign = "right";
    for (const value of [low, high]) pen.fillText(String(Number(value.toPrecision(5))), left - 6, y(value) + 5);
    pen.textAlign = "center";
  }
  function show() {
    pen.fillStyle = "white";
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    pen.fillStyle = "black";
    pen.font = "12px sans-serif";
    pen.lineWidth = 1.5;
    draw(LEFT, [{ color: "black", values: rounds.map((row) => row.log_likelihood) }]);
    pen.fillText("log-likelihood (nats), by round", LEFT + WIDTH / 4 - 40, HEIGHT - 8);
    draw(WIDTH / 2 + LEFT, experts.map(({ color }, k) => ({ color, values: rounds.map((row) => row.sizes[k]) })));
    pen.fillText("effective rows of each expert", WIDTH * 0.75 + 30, HEIGHT - 8);
  }
  let running = true, heard = false;
  const receive = (told) => {
    rounds.splice(told.first, told.rounds.length, ...told.rounds);
    running = running && told.running;
    if (told.heard) { heard = true; button.hidden = false; } // while the cell runs: so would be "stop"
    if (!running) button.hidden = true;
    const way = button.hidden ? "Ctrl-C, or interrupting the kernel, keeps the best so far." : "";
    status.textContent = `${rounds.length} rounds. ${running ? way : "Ended."}`;
    if (rounds.length) show();
  };
  model.on("msg:custom", receive);
  // The subshell opens some time after the comm; until then a message waits for the cell to end.
  const call = (tries) => {
    if (heard || !running || !tries) return;
    model.send({ ask: "hello" });
    setTimeout(call, PAUSE, tries - 1);
  };
  call(TRIES);
  return () => { running = false; model.off("msg:custom", receive); };
}

export default { render };

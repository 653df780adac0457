// The canvas: shows the image, lets marks be drawn on it, and keeps them in props.value as JSON.
//
// gradio runs this once with: element, trigger(event, data), props, server, upload(file), watch(prop, do).
// Places are pixels of the image: x from the left, y from the top, pixel (0, 0) covers [0, 1) x [0, 1).
"use strict";

const find = (name) => element.querySelector(name);
const view = find(".em-view"), stage = find(".em-stage"), image = stage.querySelector("img");
const layer = find(".em-marks"), cross = find(".em-cross"), list = find(".em-list");
const where = find(".em-where"), note = find(".em-note"), file = find("input[type=file]");
const CLICK = 4; // pixels of the screen that a pointer may move and still have clicked
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8, 12, 16];

let size = null; // of the image: {width, height}
let marks = []; // {box: [x1, y1, x2, y2]} or {point: [x, y]}
let past = [], future = []; // earlier and later states of marks
let chosen = -1, zoom = 0, moving = false;
let drag = null; // {id, x, y, from: [x, y]}
let corner = null, cursor = [0, 0]; // of the keyboard

const most = () => props.palette.length;
const tenth = (number) => Math.round(number * 10) / 10;
const clamp = (number, low, high) => Math.min(high, Math.max(low, number));
const say = (text) => { note.textContent = text; };

// --- places ---------------------------------------------------------------------------------------------

function placeOf(event) {
  const frame = stage.getBoundingClientRect();
  return [
    tenth(clamp((event.clientX - frame.left) / frame.width, 0, 1) * size.width),
    tenth(clamp((event.clientY - frame.top) / frame.height, 0, 1) * size.height),
  ];
}

function boxOf([x1, y1], [x2, y2]) {
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

function put(node, [x1, y1, x2, y2]) {
  node.style.left = `${(x1 / size.width) * 100}%`;
  node.style.top = `${(y1 / size.height) * 100}%`;
  if (x2 === undefined) return;
  node.style.width = `${((x2 - x1) / size.width) * 100}%`;
  node.style.height = `${((y2 - y1) / size.height) * 100}%`;
}

// --- marks ----------------------------------------------------------------------------------------------

function change(next, choose) {
  past.push(marks);
  future = [];
  marks = next;
  chosen = choose;
  publish();
}

function add(mark) {
  if (marks.length >= most()) {
    say(`The model tells ${most()} marks apart: delete one first.`);
    return;
  }
  change([...marks, mark], -1);
  say(`Mark ${marks.length}: ${told(mark)}`);
}

function remove(index) {
  if (index < 0 || index >= marks.length) return;
  change(marks.filter((_, i) => i !== index), -1);
  say(`Mark ${index + 1} deleted${index < marks.length ? "; later marks have moved up" : ""}.`);
}

function step(from, to, name) {
  if (!from.length) return say(`Nothing to ${name}.`);
  to.push(marks);
  marks = from.pop();
  chosen = -1;
  publish();
  say(name === "undo" ? "Undone." : "Redone.");
}

function publish() {
  render();
  props.value = JSON.stringify(marks);
}

function told(mark) {
  const numbers = (mark.box || mark.point).map((n) => String(n)).join(" ");
  return `${mark.box ? "box" : "point"} ${numbers}`;
}

// --- drawing --------------------------------------------------------------------------------------------

function make(tag, name, text) {
  const node = document.createElement(tag);
  node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function shape(mark, index, name) {
  const [paint, ink] = props.palette[index];
  const node = make("div", `${mark.box ? "em-box" : "em-point"} ${name}`);
  node.style.setProperty("--mark", paint);
  node.style.setProperty("--ink", ink);
  node.dataset.mark = index + 1;
  put(node, mark.box || mark.point);
  const label = make("span", "em-label", index + 1);
  // The number stays inside the image where the mark lies at an edge.
  const [left, top] = mark.box || mark.point;
  if ((top / size.height) * stage.clientHeight < 24) label.classList.add("em-below");
  if ((1 - left / size.width) * stage.clientWidth < 36) label.classList.add("em-before");
  node.append(label);
  return node;
}

function render() {
  layer.replaceChildren(...marks.map((mark, i) => shape(mark, i, i === chosen ? "em-chosen" : "")));
  list.replaceChildren(...marks.map((mark, i) => {
    const entry = make("li", i === chosen ? "em-chosen" : "");
    const choose = make("button", "em-entry");
    const chip = make("span", "em-number", i + 1);
    [chip.style.background, chip.style.color] = props.palette[i];
    choose.type = "button";
    choose.setAttribute("aria-pressed", String(i === chosen));
    choose.append(chip, make("span", "", told(mark)));
    choose.addEventListener("click", () => { chosen = chosen === i ? -1 : i; render(); });
    const away = make("button", "em-away", "\u00d7");
    away.type = "button";
    away.setAttribute("aria-label", `Delete mark ${i + 1}`);
    away.addEventListener("click", () => remove(i));
    entry.append(choose, away);
    return entry;
  }));
  const able = { undo: past.length, redo: future.length, delete: marks.length, clear: marks.length };
  for (const [name, can] of Object.entries(able)) find(`[data-do=${name}]`).disabled = !can;
  for (const name of ["out", "fit", "in", "move"]) find(`[data-do=${name}]`).disabled = !size;
}

function outline(from, to) {
  layer.querySelector(".em-draft")?.remove();
  if (!from || marks.length >= most()) return;
  layer.append(shape({ box: boxOf(from, to) }, marks.length, "em-draft"));
}

function setZoom(next) {
  if (!size) return;
  const frame = view.getBoundingClientRect();
  const middle = [
    (view.scrollLeft + frame.width / 2) / Math.max(1, stage.offsetWidth),
    (view.scrollTop + frame.height / 2) / Math.max(1, stage.offsetHeight),
  ];
  zoom = clamp(next, 0, ZOOMS.length - 1);
  fit();
  view.scrollLeft = middle[0] * stage.offsetWidth - frame.width / 2;
  view.scrollTop = middle[1] * stage.offsetHeight - frame.height / 2;
}

function fit() {
  if (!size || !view.clientWidth) return;
  // Zoom 1 shows the whole image within the view and within most of the window, small ones enlarged.
  const room = Math.max(240, window.innerHeight * 0.7);
  const scale = Math.min(view.clientWidth / size.width, room / size.height) * ZOOMS[zoom];
  stage.style.width = `${Math.round(size.width * scale)}px`;
  stage.style.height = `${Math.round(size.height * scale)}px`;
  view.style.maxHeight = `${Math.ceil(room) + 2}px`;
  image.style.imageRendering = scale > 3 ? "pixelated" : "auto";
  render();
}

// --- the image ------------------------------------------------------------------------------------------

async function open(chosenFile) {
  if (!chosenFile) return;
  say(`Opening ${chosenFile.name}`);
  try {
    const { path } = await upload(chosenFile);
    trigger("upload", { path });
  } catch (error) {
    say(`${chosenFile.name} could not be sent: ${error.message}`);
  }
}

function showPicture() {
  const picture = props.picture;
  if (!picture) return;
  size = { width: picture.width, height: picture.height };
  image.src = picture.src;
  image.alt = `Image of ${size.width} by ${size.height} pixels`;
  marks = [];
  past = [];
  future = [];
  chosen = -1;
  zoom = 0;
  corner = null;
  cursor = [Math.floor(size.width / 2), Math.floor(size.height / 2)];
  cross.hidden = true;
  stage.hidden = false;
  find(".em-drop").hidden = true;
  fit();
  publish();
  locate(null);
  say("Drag draws a box, a click a point.");
}

function locate(place) {
  const whole = `${size.width} \u00d7 ${size.height} px`;
  where.textContent = place ? `x ${place[0]}  y ${place[1]}  of ${whole}` : whole;
}

// --- mouse, pen and finger --------------------------------------------------------------------------------

stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || drag) return;
  stage.focus({ preventScroll: true });
  drag = { id: event.pointerId, x: event.clientX, y: event.clientY, from: placeOf(event) };
  if (!moving || event.pointerType === "mouse") stage.setPointerCapture(event.pointerId);
  if (!moving) event.preventDefault();
});

stage.addEventListener("pointermove", (event) => {
  const place = placeOf(event);
  locate(place);
  if (!drag || drag.id !== event.pointerId) return;
  if (moving) {
    if (event.pointerType === "mouse") view.scrollBy(-event.movementX, -event.movementY);
  } else if (clicked(event)) {
    outline(null);
  } else {
    outline(drag.from, place);
  }
});

stage.addEventListener("pointerup", (event) => {
  if (!drag || drag.id !== event.pointerId) return;
  const { from } = drag, to = placeOf(event), click = clicked(event);
  drag = null;
  outline(null);
  if (moving) return;
  if (click) add({ point: to });
  else addBox(from, to);
});

stage.addEventListener("pointercancel", () => { drag = null; outline(null); });
stage.addEventListener("pointerleave", () => { if (!drag && size) locate(null); });

const clicked = (event) => Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < CLICK;

function addBox(from, to) {
  const box = boxOf(from, to);
  if (box[2] - box[0] < 1 || box[3] - box[1] < 1) say("A box needs a width and a height of a pixel or more.");
  else add({ box });
}

// --- keys -------------------------------------------------------------------------------------------------

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function moveCursor([dx, dy], by) {
  cursor = [clamp(cursor[0] + dx * by, 0, size.width), clamp(cursor[1] + dy * by, 0, size.height)];
  showCursor();
}

function showCursor() {
  cross.hidden = false;
  put(cross, cursor);
  locate(cursor);
  outline(corner, cursor);
}

const KEYS = {
  " ": () => { showCursor(); add({ point: [...cursor] }); },
  Enter: () => {
    const from = corner;
    corner = from ? null : [...cursor];
    showCursor();
    if (from) addBox(from, cursor);
    else say("First corner set: move the cross and press Enter again.");
  },
  Escape: () => { corner = null; drag = null; outline(null); cross.hidden = true; say(""); },
  Delete: () => remove(chosen >= 0 ? chosen : marks.length - 1),
  Backspace: () => KEYS.Delete(),
  "+": () => setZoom(zoom + 1),
  "=": () => setZoom(zoom + 1),
  "-": () => setZoom(zoom - 1),
};

element.addEventListener("keydown", (event) => {
  if (!size) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z" && !event.shiftKey) step(past, future, "undo");
    else if (key === "y" || (key === "z" && event.shiftKey)) step(future, past, "redo");
    else return;
  } else if (event.target === stage && ARROWS[event.key]) {
    moveCursor(ARROWS[event.key], event.shiftKey ? 10 : 1);
  } else if (KEYS[key] && (event.target === stage || key === "Delete")) {
    KEYS[key]();
  } else {
    return;
  }
  event.preventDefault();
});

// --- buttons, dropped files ---------------------------------------------------------------------------------

const ACTIONS = {
  open: () => file.click(),
  undo: () => step(past, future, "undo"),
  redo: () => step(future, past, "redo"),
  delete: () => KEYS.Delete(),
  clear: () => { change([], -1); say("All marks deleted."); },
  out: () => setZoom(zoom - 1),
  fit: () => setZoom(0),
  in: () => setZoom(zoom + 1),
  move: () => {
    moving = !moving;
    find("[data-do=move]").setAttribute("aria-pressed", String(moving));
    stage.classList.toggle("em-moving", moving);
    say(moving ? "Drag moves the image." : "Drag draws a box, a click a point.");
  },
};

for (const button of element.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => ACTIONS[button.dataset.do]());
}
file.addEventListener("change", () => { open(file.files[0]); file.value = ""; });
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  view.addEventListener(kind, (event) => {
    event.preventDefault();
    view.classList.toggle("em-over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") open(event.dataTransfer.files[0]);
  });
}
find(".em-drop").addEventListener("click", () => file.click());
new ResizeObserver(fit).observe(view);
watch("picture", showPicture);
render();
showPicture();

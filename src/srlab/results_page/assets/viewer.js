"use strict";
// Two methods on one image: one over the other with a slider, or side by side; zoom, moving, values, error maps.

const element = (id) => document.getElementById(id);
const SIDES = ["left", "right"];
const view = { picture: null, layers: {}, x: 0, y: 0, zoom: "fit", split: 0.5, layout: "over", turn: 0 };
const desk = matchMedia("(min-width: 801px)");

function options(select, texts, chosen) {
  select.replaceChildren(...texts.map((text, i) => new Option(text, i, false, i === chosen)));
}

// ---- what is chosen

function choosePlace() {
  const place = DATA.places[element("place").value];
  options(element("picture"), place.pictures.map((picture) => picture.name), 0);
  choosePicture();
}

function choosePicture() {
  const place = DATA.places[element("place").value];
  const before = view.layers;
  view.picture = place.pictures[element("picture").value];
  forgetImages();
  const { layers } = view.picture;
  const left = startingLeft(layers);
  const first = { left, right: startingRight(layers, place.best, left) };
  for (const side of SIDES) {
    const kept = before[side] ? layers.findIndex(isNamed(before[side].kind, before[side].label)) : -1;
    options(element(side), layers.map((layer) => layer.label), kept < 0 ? first[side] : kept);
  }
  chooseLayers().then(centre);
}

function isNamed(kind, label) {
  return (layer) => layer.kind === kind && layer.label === label;
}

// The usual beginning of a comparison is bicubic; LR where it was not measured.
function startingLeft(layers) {
  return Math.max(layers.findIndex(isNamed("result", "bicubic")), 0);
}

// The best method; another one where that stands on the left; HR where there is none.
function startingRight(layers, best, left) {
  const other = (layer, index) => layer.kind === "result" && index !== left;
  const found = [layers.findIndex(isNamed("result", best)), layers.findIndex(other), layers.length - 1];
  return found.find((index) => index >= 0 && index !== left);
}

// Images are decoded only now. What was chosen meanwhile wins.
async function chooseLayers() {
  const turn = view.turn += 1;
  const { picture } = view;
  const shown = SIDES.map((side) => ({
    side, layer: picture.layers[element(side).value], asError: element(`${side}-error`).checked,
  }));
  let paints;
  try {
    paints = await Promise.all(shown.map(({ side, layer, asError }) =>
      paintLayer(element(`${side}-image`), picture, layer, asError)));
  } catch {
    if (turn === view.turn) element("problem").textContent = "This browser cannot show one of these images.";
    return;
  }
  if (turn !== view.turn) return;
  for (const paintNow of paints) paintNow();
  for (const { side, layer, asError } of shown) describe(side, layer, asError);
  element("problem").textContent = "";
  element("legend").hidden = !shown.some(({ asError }) => asError);
  draw();
}

function describe(side, layer, asError) {
  view.layers[side] = layer;
  const text = asError ? `Error of ${layer.label}` : layer.label;
  element(`${side}-tag`).textContent = text;
  element(`${side}-name`).textContent = layer.label;
  element(`${side}-image`).setAttribute("aria-label", `${text}, ${view.picture.name}`);
  element(`${side}-values`).replaceChildren(...layer.values.map(([title, value]) => {
    const pair = document.createElement("div");
    if (title) pair.append(Object.assign(document.createElement("dt"), { textContent: title }));
    pair.append(Object.assign(document.createElement("dd"), { textContent: value }));
    return pair;
  }));
}

// ---- where it is drawn

function isBeside() {
  return view.layout === "beside" && desk.matches;
}

// The frame that an image is moved in, in CSS pixels.
function frame() {
  const { clientWidth, clientHeight } = element("stage");
  return { width: isBeside() ? (clientWidth - 2) / 2 : clientWidth, height: clientHeight };
}

// Pixels of the screen for a pixel of the image. One that nearly fits at a whole number is shown at that, sharp.
function pixelsForPixel() {
  if (view.zoom !== "fit") return Number(view.zoom);
  const { width, height } = frame();
  const fitting = devicePixelRatio * Math.min(width / view.picture.width, height / view.picture.height);
  return fitting >= 1 && fitting < 1.25 * Math.floor(fitting) ? Math.floor(fitting) : fitting;
}

// CSS pixels for a pixel of the image.
function factor() {
  return pixelsForPixel() / devicePixelRatio;
}

function centre() {
  const { width, height } = frame(), by = factor();
  view.x = (width - view.picture.width * by) / 2;
  view.y = (height - view.picture.height * by) / 2;
  draw();
}

// The point in the middle of the frame stays there.
function zoomTo(zoom) {
  const { width, height } = frame(), before = factor();
  const x = (width / 2 - view.x) / before, y = (height / 2 - view.y) / before;
  view.zoom = zoom;
  view.x = width / 2 - x * factor();
  view.y = height / 2 - y * factor();
  draw();
}

function draw() {
  if (!view.picture) return;
  const stage = element("stage"), { width, height } = frame(), by = factor(), ratio = devicePixelRatio;
  const size = { width: view.picture.width * by, height: view.picture.height * by };
  view.x = within(view.x, size.width, width);
  view.y = within(view.y, size.height, height);
  const x = Math.round(view.x * ratio) / ratio, y = Math.round(view.y * ratio) / ratio;
  for (const side of SIDES) {
    Object.assign(element(`${side}-image`).style, {
      width: `${size.width}px`, height: `${size.height}px`, transform: `translate(${x}px, ${y}px)`,
    });
  }
  const { left, right } = edges();
  const at = isBeside() ? width : left + view.split * (right - left);
  element("left-pane").style.width = `${at}px`;
  element("right-pane").style.left = isBeside() ? `${width + 2}px` : "0";
  Object.assign(element("divider").style, {
    transform: `translateX(${at}px)`,
    top: `${Math.max(0, y)}px`,
    height: `${Math.min(height, y + size.height) - Math.max(0, y)}px`,
  });
  drawTags(at);
  stage.classList.toggle("beside", isBeside());
  element("slider-box").hidden = isBeside();
  stage.classList.toggle("pixels", Number.isInteger(pixelsForPixel()) || pixelsForPixel() > 3);
  stage.classList.toggle("pan", size.width > width + 1 || size.height > height + 1);
  stage.style.touchAction = size.height > height + 1 ? "none" : "pan-y";
}

function drawTags(at) {
  const room = { left: at, right: element("stage").clientWidth - at };
  for (const side of SIDES) {
    const tag = element(`${side}-tag`);
    tag.style.opacity = room[side] < tag.offsetWidth + 12 ? 0 : 1;
  }
}

// Where the visible part of the image begins and ends in the frame.
function edges() {
  return { left: Math.max(0, view.x), right: Math.min(frame().width, view.x + view.picture.width * factor()) };
}

function splitAt(clientX) {
  const { left, right } = edges();
  const at = clientX - element("stage").getBoundingClientRect().left;
  view.split = Math.min(1, Math.max(0, (at - left) / (right - left)));
  element("slider").value = Math.round(view.split * 100);
  draw();
}

function moveBy(x, y) {
  view.x += x;
  view.y += y;
  draw();
}

// ---- what a visitor does

function listen() {
  element("place").addEventListener("change", choosePlace);
  element("picture").addEventListener("change", choosePicture);
  for (const side of SIDES) {
    element(side).addEventListener("change", chooseLayers);
    element(`${side}-error`).addEventListener("change", chooseLayers);
  }
  element("slider").addEventListener("input", () => {
    view.split = element("slider").value / 100;
    draw();
  });
  for (const input of document.querySelectorAll("input[name=zoom]")) {
    input.addEventListener("change", () => zoomTo(input.value));
  }
  for (const input of document.querySelectorAll("input[name=layout]")) {
    input.addEventListener("change", () => {
      view.layout = input.value;
      centre();
    });
  }
  new ResizeObserver(draw).observe(element("stage"));
  followPointer(element("stage"), element("divider"), {
    isReady: () => true,
    isDivided: () => !isBeside(),
    movesByKey: () => element("stage").classList.contains("pan"),
    splitAt,
    moveBy,
  });
}

if (DATA.places.length) {
  options(element("place"), DATA.places.map((place) => place.title), 0);
  paintLegend();
  listen();
  choosePlace();
}

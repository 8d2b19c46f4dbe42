"use strict";
// Choose a photo and a network, send both, follow the job, compare the result. Nothing is asked of another server.

const element = (id) => document.getElementById(id);
let about;                // networks, limits, examples
let photo = null;         // {blob, name, width, height}; the sides are null where the browser cannot show it
let running = null;       // AbortController of the job
let shown = null;         // {width, height, urls}: the result on the stage
const view = { x: 0, y: 0, zoom: "1", split: 0.5 };

// ---- what is to be enlarged

function chosenNetwork() {
  return about.networks.find((network) => network.name === element("network").value);
}

function chosenScale() {
  return Number(document.querySelector("input[name=scale]:checked").value);
}

function showScales() {
  const before = document.querySelector("input[name=scale]:checked");
  const { scales, about: text } = chosenNetwork();
  const kept = before && scales.includes(Number(before.value)) ? Number(before.value) : scales[0];
  element("scales").replaceChildren(...scales.map((scale) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), {
      type: "radio", name: "scale", value: scale, checked: scale === kept,
    });
    const text = Object.assign(document.createElement("span"), { textContent: `×${scale}` });
    label.append(input, text);
    return label;
  }));
  element("network-about").textContent = text;
  showPhoto();
}

function megapixels(width, height) {
  return (width * height / 1e6).toFixed(1);
}

function showPhoto() {
  if (!photo) return;
  const size = photo.width ? `${photo.width} × ${photo.height}` : "";
  const scale = chosenScale();
  const larger = photo.width ? ` → ${photo.width * scale} × ${photo.height * scale}` : "";
  element("facts").textContent = `${photo.name} ${size}${larger}`;
  element("choose").textContent = "Choose another";
}

function problemOf({ blob, width, height }) {
  const { bytes, pixels } = about.limits;
  if (blob.size > bytes) {
    return `This file has ${(blob.size / 1e6).toFixed(1)} MB. The page takes up to ${bytes / 1e6} MB.`;
  }
  if (width && width * height > pixels) {
    return `This photo has ${width} × ${height} pixels, ${megapixels(width, height)} megapixels. `
      + `The page takes up to ${pixels / 1e6} megapixels.`;
  }
  return "";
}

async function take(blob, name) {
  if (running) return;
  const url = URL.createObjectURL(blob);
  const thumbnail = element("thumbnail");
  thumbnail.src = url;
  const seen = await thumbnail.decode().then(() => true, () => false);
  thumbnail.hidden = !seen;
  URL.revokeObjectURL(url);
  photo = { blob, name, width: seen ? thumbnail.naturalWidth : null, height: seen ? thumbnail.naturalHeight : null };
  for (const button of document.querySelectorAll("#examples button")) button.setAttribute("aria-pressed", "false");
  showPhoto();
  say("");
  const problem = problemOf(photo);
  fail(problem);
  element("part").hidden = !(problem && photo.width);
  element("enlarge").disabled = Boolean(problem);
}

// A part of a photo that is too large: its middle, with the same proportions, pixel for pixel.
async function takeMiddle() {
  const shrink = Math.sqrt(about.limits.pixels / (photo.width * photo.height));
  const width = Math.floor(photo.width * Math.min(1, shrink)), height = Math.floor(photo.height * Math.min(1, shrink));
  const whole = await createImageBitmap(photo.blob);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(whole, Math.round((width - whole.width) / 2), Math.round((height - whole.height) / 2));
  whole.close();
  const name = photo.name;
  canvas.toBlob((blob) => take(blob, name.replace(/(\.\w+)?$/, "_middle.png")), "image/png");
}

async function takeExample(name, button) {
  if (running) return;
  const blob = await (await fetch(`examples/${name}`)).blob();
  await take(blob, `${name}.png`);
  button.setAttribute("aria-pressed", "true");
  enlarge();
}

// ---- the job

function say(text) {
  if (element("status").textContent !== text) element("status").textContent = text;
}

function fail(text) {
  element("failure").textContent = text;
}

function follow(step, begun) {
  const progress = element("progress");
  if (step.state === "waiting") {
    progress.removeAttribute("value");
    say(step.ahead === 1 ? "One photo is ahead of yours." : `${step.ahead} photos are ahead of yours.`);
  } else if (step.state === "computing") {
    progress.value = step.share;
    const seconds = (performance.now() - begun.computing) / 1000;
    const left = seconds * (1 - step.share) / step.share;
    const remaining = step.share > 0.04 && seconds > 3 ? `, about ${duration(left)} left` : "";
    // Not every percent: a screen reader reads each change aloud.
    say(step.share ? `Computing: ${Math.floor(step.share * 10) * 10} %${remaining}` : "Computing");
  }
}

function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds / (seconds > 20 ? 10 : 1)) * (seconds > 20 ? 10 : 1))} s`;
  return `${Math.round(seconds / 60)} min`;
}

// Lines of JSON, one for every step of the job.
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function enlarge() {
  if (!photo || running || element("enlarge").disabled) return;
  const network = chosenNetwork(), scale = chosenScale(), own = photo;
  running = new AbortController();
  const { signal } = running;
  const begun = { computing: performance.now() };
  busy(true);
  fail("");
  say("Sending the photo");
  try {
    const query = new URLSearchParams({ network: network.name, scale });
    const response = await fetch(`jobs?${query}`, { method: "POST", body: own.blob, signal });
    if (!response.ok) throw new Refusal((await response.json()).error);
    let last = {};
    for await (const step of linesOf(response)) {
      if (last.state !== "computing" && step.state === "computing") begun.computing = performance.now();
      follow(step, begun);
      last = step;
    }
    if (last.state === "failed") throw new Refusal(last.error);
    if (last.state !== "done") throw new TypeError("the connection ended");
    say("Fetching the result");
    const seconds = (performance.now() - begun.computing) / 1000;
    const [before, after] = await Promise.all([last.before, last.after].map(async (path) => {
      const answer = await fetch(path, { signal });
      if (!answer.ok) throw new Refusal((await answer.json()).error);
      return answer.blob();
    }));
    await show(before, after, last, { network, scale, name: own.name });
    say(`Done in ${duration(seconds)}: ${last.width} × ${last.height} pixels. ${inWords(last.notes)}`.trim());
  } catch (error) {
    say("");
    if (error.name === "AbortError") say("Cancelled.");
    else if (error instanceof Refusal) fail(error.message);
    else fail("The connection to the server broke. Try again.");
  } finally {
    running = null;
    busy(false);
  }
}

// "its profile ..., CMYK became ..." as sentences
function inWords(notes) {
  return notes.map((note) => `${note[0].toUpperCase()}${note.slice(1)}.`).join(" ");
}

class Refusal extends Error {}

function busy(is) {
  element("progress").hidden = !is;
  element("progress").removeAttribute("value");
  element("cancel").hidden = !is;
  element("enlarge").disabled = is;
  element("file").disabled = is;
  for (const button of document.querySelectorAll("#examples button")) button.disabled = is;
  if (is && document.activeElement === element("enlarge")) element("cancel").focus();
  if (!is && document.activeElement === document.body) element("enlarge").focus({ preventScroll: true });
}

// ---- before and after

async function show(before, after, step, { network, scale, name }) {
  const urls = [before, after].map((blob) => URL.createObjectURL(blob));
  element("before").src = urls[0];
  element("after").src = urls[1];
  await Promise.all([element("before").decode(), element("after").decode()]);
  for (const url of shown ? shown.urls : []) URL.revokeObjectURL(url);
  shown = { width: step.width, height: step.height, urls };
  element("empty").hidden = true;
  for (const id of ["after", "clip", "divider", "before-tag", "after-tag", "tools"]) element(id).hidden = false;
  element("before-tag").textContent = step.plain === "nearest" ? "The photo's pixels" : "Bicubic";
  element("after-tag").textContent = `${network.title.replace(/ \(.*/, "")} ×${scale}`;
  element("slider-name").textContent = "Before | after";
  const download = element("download");
  download.href = urls[1];
  download.download = `${name.replace(/\.\w+$/, "")}_x${scale}.png`;
  download.textContent = `Download PNG (${(after.size / 1e6).toFixed(1)} MB)`;
  view.split = 0.5;
  element("slider").value = 50;
  centre();
  if (matchMedia("(max-width: 800px)").matches) element("result").scrollIntoView({ block: "start" });
}

// Sizes in CSS pixels: 1:1 is a pixel of the picture on a pixel of the screen.
function factor() {
  const stage = element("stage");
  if (view.zoom === "fit") return Math.min(stage.clientWidth / shown.width, stage.clientHeight / shown.height);
  return Number(view.zoom) / devicePixelRatio;
}

function centre() {
  const stage = element("stage"), by = factor();
  view.x = (stage.clientWidth - shown.width * by) / 2;
  view.y = (stage.clientHeight - shown.height * by) / 2;
  draw();
}

function draw() {
  if (!shown) return;
  const stage = element("stage"), by = factor(), ratio = devicePixelRatio;
  const width = shown.width * by, height = shown.height * by;
  view.x = within(view.x, width, stage.clientWidth);
  view.y = within(view.y, height, stage.clientHeight);
  const x = Math.round(view.x * ratio) / ratio, y = Math.round(view.y * ratio) / ratio;
  for (const id of ["before", "after"]) {
    Object.assign(element(id).style, { width: `${width}px`, height: `${height}px`, transform: `translate(${x}px, ${y}px)` });
  }
  const { left, right } = edges(width);
  const at = left + view.split * (right - left);
  element("clip").style.width = `${at}px`;
  Object.assign(element("divider").style, {
    transform: `translateX(${at}px)`,
    top: `${Math.max(0, y)}px`,
    height: `${Math.min(stage.clientHeight, y + height) - Math.max(0, y)}px`,
  });
  element("before-tag").style.opacity = at < element("before-tag").offsetWidth + 12 ? 0 : 1;
  element("after-tag").style.opacity = stage.clientWidth - at < element("after-tag").offsetWidth + 12 ? 0 : 1;
  stage.classList.toggle("pixels", view.zoom === "2" || (view.zoom === "1" && Number.isInteger(ratio)));
  stage.classList.toggle("pan", width > stage.clientWidth + 1 || height > stage.clientHeight + 1);
  stage.style.touchAction = height > stage.clientHeight + 1 ? "none" : "pan-y";
}

// Where the visible part of the picture begins and ends in the frame.
function edges(width) {
  return { left: Math.max(0, view.x), right: Math.min(element("stage").clientWidth, view.x + width) };
}

function splitAt(clientX) {
  const { left, right } = edges(shown.width * factor());
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
  element("network").addEventListener("change", showScales);
  element("scales").addEventListener("change", showPhoto);
  element("file").addEventListener("change", () => {
    const [file] = element("file").files;
    if (file) take(file, file.name);
    element("file").value = ""; // the same file again is a change, too
  });
  element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    enlarge();
  });
  element("part").addEventListener("click", takeMiddle);
  element("cancel").addEventListener("click", () => running && running.abort());
  element("slider").addEventListener("input", () => {
    view.split = element("slider").value / 100;
    draw();
  });
  for (const input of document.querySelectorAll("input[name=zoom]")) {
    input.addEventListener("change", () => {
      view.zoom = input.value;
      centre();
    });
  }
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    const [file] = event.dataTransfer.files;
    if (file) take(file, file.name);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file) take(file, file.name || "pasted.png");
  });
  new ResizeObserver(draw).observe(element("stage"));
  followPointer(element("stage"), element("divider"), {
    isReady: () => shown !== null, isDivided: () => true, movesByKey: () => shown !== null, splitAt, moveBy,
  });
}

async function begin() {
  about = await (await fetch("about")).json();
  element("network").replaceChildren(...about.networks.map((network) => new Option(network.title, network.name)));
  element("examples").replaceChildren(...about.examples.map(({ name, title }) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(Object.assign(document.createElement("img"), { src: `examples/${name}`, alt: "" }), title);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => takeExample(name, button));
    return button;
  }));
  const { bytes, pixels, seconds, line, keep_seconds: keep } = about.limits;
  element("limits").textContent = `Photos up to ${pixels / 1e6} megapixels and ${bytes / 1e6} MB (${about.formats}), `
    + `${duration(seconds)} of computing. One photo at a time, up to ${line - 1} wait. Photos and results are deleted `
    + `once you have the result, or after ${duration(keep)}. Nothing is loaded from other sites.`;
  showScales();
  listen();
}

begin().catch(() => fail("The server does not answer. Load the page again."));

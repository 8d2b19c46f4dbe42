// The rating page. `source` (server.js or static.js) knows what comes next and keeps what was rated:
//   source.session()         -> {rated, total, calibration, trial: {id, expected} | null, next}
//   source.rate(id, rating)  -> the session after it; resolves only when the rating is safe
//   source.image(trial)      -> address of the picture
"use strict";

const WORDS = ["", "bad", "poor", "fair", "good", "excellent"];
const get = (id) => document.getElementById(id);
let session = null;
let busy = true; // until a picture can be seen, and while a rating is on its way
let ahead = null; // the next picture, loading

const chosen = (name) => document.querySelector(`input[name=${name}]:checked`)?.value;
const say = (text) => { get("status").textContent = text; };

function show(section) {
  for (const id of ["start", "rating", "end", "failure"]) get(id).hidden = id !== section;
}

function fail(error) {
  get("reason").textContent = error.message;
  show("failure");
}

function progress() {
  get("progress").max = session.total;
  get("progress").value = session.rated;
  get("count").textContent = session.trial ? `Picture ${session.rated + 1} of ${session.total}` : `All ${session.total} rated`;
}

function update() {
  const usable = Boolean(chosen("rating")) && !busy;
  get("next").disabled = !usable;
}

// Device pixels, not CSS pixels: at 1:1 every pixel of the picture is one pixel of the screen.
function resize() {
  const image = get("image"), stage = get("stage"), ratio = window.devicePixelRatio || 1;
  if (!image.naturalWidth) return;
  let factor = Number(chosen("zoom"));
  if (chosen("zoom") === "fit") {
    const room = Math.min((stage.clientWidth - 20) * ratio / image.naturalWidth, (stage.clientHeight - 20) * ratio / image.naturalHeight);
    factor = room >= 1 ? Math.floor(room) : Math.max(room, 0.05);
  }
  image.style.width = `${image.naturalWidth * factor / ratio}px`;
  image.style.height = `${image.naturalHeight * factor / ratio}px`;
  image.classList.toggle("smaller", factor < 1);
}

function zoomOn() {
  const sizes = [...document.querySelectorAll("input[name=zoom]")];
  const size = sizes[(sizes.findIndex((input) => input.checked) + 1) % sizes.length];
  size.checked = true;
  say(`Size ${size.value === "fit" ? "fitted to the window" : `${size.value}:1`}.`);
  resize();
}

async function load(trial) {
  const image = get("image");
  image.src = source.image(trial);
  for (let wait = 500; ; wait = Math.min(2 * wait, 4000)) {
    try {
      await image.decode();
      return;
    } catch {
      say("The picture does not load. Trying again …");
      await new Promise((resolve) => setTimeout(resolve, wait));
      image.src = source.image(trial);
    }
  }
}

async function display(said) {
  progress();
  const trial = session.trial;
  if (!trial) return finish();
  show("rating");
  for (const input of document.querySelectorAll("input[name=rating]")) input.checked = false;
  const number = `Picture ${session.rated + 1} of ${session.total}`;
  const hint = trial.expected ? `Calibration: this picture shows what ${trial.expected} (${WORDS[trial.expected]}) looks like. Please give it ${trial.expected}.` : "";
  get("calibration").hidden = !trial.expected;
  get("calibration").textContent = hint;
  get("image").style.visibility = "hidden";
  await load(trial);
  get("image").alt = number;
  resize();
  get("image").style.visibility = "visible";
  get("stage").scrollTo(0, 0);
  if (session.next) { ahead = new Image(); ahead.src = source.image(session.next); }
  const begins = session.rated === session.calibration && said ? "The study itself begins: from now on, your own impression counts. " : "";
  say(`${said}${begins}${number}.`);
  busy = false;
  update();
  get("scale").focus({ preventScroll: true }); // on no choice: the last one must not suggest itself again
}

function finish() {
  show("end");
  say("");
  if (source.farewell) get("farewell").textContent = source.farewell;
  get("thanks").focus();
}

async function next() {
  const rating = Number(chosen("rating"));
  if (busy || !rating) {
    if (!busy) say("Choose a rating from 1 to 5 first.");
    return;
  }
  busy = true;
  update();
  try {
    session = await source.rate(session.trial.id, rating);
    await display(`Rated ${rating}. `);
  } catch (error) {
    fail(error);
  }
}

function onKey(event) {
  if (get("rating").hidden || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (/^[1-5]$/.test(event.key)) {
    const input = document.querySelector(`input[name=rating][value="${event.key}"]`);
    input.checked = true;
    input.focus({ preventScroll: true });
    update();
    event.preventDefault();
  } else if (event.key === "Enter" && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    next();
  } else if (event.key.toLowerCase() === "z") {
    zoomOn();
  }
}

async function begin() {
  try {
    if (source.choose) source.choose(get("rater").value);
    session = await source.session();
    await display("");
  } catch (error) {
    fail(error);
  }
}

async function open() {
  try {
    if (source.prepare) source.prepare();
    else {
      session = await source.session();
      progress();
      if (!session.trial) return finish();
      if (session.rated) { get("welcome").textContent = "Welcome back"; get("begin").textContent = "Go on"; }
    }
    show("start");
    get("begin").focus();
  } catch (error) {
    fail(error);
  }
}

document.addEventListener("keydown", onKey);
window.addEventListener("resize", resize);
get("begin").addEventListener("click", begin);
get("form").addEventListener("submit", (event) => { event.preventDefault(); next(); });
get("form").addEventListener("change", (event) => { if (event.target.name === "zoom") resize(); update(); });
open();

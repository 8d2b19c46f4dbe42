"use strict";
// Layers of a picture on canvases: the image itself, or its error against HR as srlab's error_map draws it.

const DATA = JSON.parse(document.getElementById("data").textContent);
const PALETTE = Uint8Array.from(atob(DATA.palette), (character) => character.charCodeAt(0)); // 256 colours, RGB
let decoded = new Map(); // of one picture: layer -> promise of its image

function forgetImages() {
  decoded = new Map();
}

function imageOf(layer) {
  if (!decoded.has(layer)) {
    const image = new Image();
    image.src = layer.data;
    decoded.set(layer, image.decode().then(() => image));
  }
  return decoded.get(layer);
}

// LR is smaller than the others, and its pixels are enlarged.
function paint(canvas, image, picture, settings) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  const context = canvas.getContext("2d", settings);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, picture.width, picture.height);
  return context;
}

function pixelsOf(image, picture) {
  const context = paint(document.createElement("canvas"), image, picture, { willReadFrequently: true });
  return context.getImageData(0, 0, picture.width, picture.height);
}

// Y of BT.601 in studio range; a grey image is Y already.
function luma(pixels, at, grey) {
  if (grey) return pixels[at];
  return 16 + (65.481 * pixels[at] + 128.553 * pixels[at + 1] + 24.966 * pixels[at + 2]) / 255;
}

async function paintLayer(canvas, picture, layer, asError) {
  const reference = picture.layers[picture.layers.length - 1];
  const [image, hr] = await Promise.all([imageOf(layer), asError ? imageOf(reference) : null]);
  return () => {
    const context = paint(canvas, image, picture);
    if (asError) context.putImageData(errorMap(pixelsOf(image, picture), pixelsOf(hr, picture), layer, reference), 0, 0);
  };
}

// A grey HR image beside an RGB result was replicated to RGB by the protocol before it was measured.
function errorMap(result, hr, layer, reference) {
  const greyHr = reference.grey && layer.grey;
  const ours = result.data, theirs = hr.data;
  for (let at = 0; at < ours.length; at += 4) {
    const error = Math.abs(luma(ours, at, layer.grey) - luma(theirs, at, greyHr));
    const colour = 3 * Math.min(255, Math.floor((error / DATA.largestError) * 256));
    ours.set(PALETTE.subarray(colour, colour + 3), at);
  }
  return result;
}

function paintLegend() {
  const context = document.getElementById("legend-bar").getContext("2d");
  const bar = context.createImageData(256, 1);
  for (let i = 0; i < 256; i += 1) bar.data.set([...PALETTE.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  context.putImageData(bar, 0, 0);
  document.getElementById("legend-end").textContent = `${DATA.largestError} levels of 255, or more`;
}

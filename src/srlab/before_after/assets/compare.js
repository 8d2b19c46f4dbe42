"use strict";
// Two images in a frame, with a divider between them.

// An image smaller than its frame stays in the middle; a larger one cannot be moved out of it.
function within(at, size, room) {
  return size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, at));
}

// At the divider, or where there is nothing to move, the pointer moves the divider; else the images. Arrow keys move these.
// stage: the frame, which has the class "pan" where its images are larger than it.
// page: what the page says and does: isReady() that there are images, isDivided() that there is a divider,
//   movesByKey() that arrow keys move the images now; splitAt(clientX) and moveBy(x, y) move.
function followPointer(stage, divider, page) {
  let held = null; // {x, y, splits}
  stage.addEventListener("pointerdown", (event) => {
    if (!page.isReady() || event.button > 0) return;
    const splits = page.isDivided() && (divider.contains(event.target) || !stage.classList.contains("pan"));
    held = { x: event.clientX, y: event.clientY, splits };
    stage.setPointerCapture(event.pointerId);
    stage.classList.toggle("moving", !splits);
    if (splits) page.splitAt(event.clientX);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!held) return;
    if (held.splits) page.splitAt(event.clientX);
    else page.moveBy(event.clientX - held.x, event.clientY - held.y);
    Object.assign(held, { x: event.clientX, y: event.clientY });
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    stage.addEventListener(kind, () => {
      held = null;
      stage.classList.remove("moving");
    });
  }
  stage.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 400 : 60;
    const by = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (!by || !page.movesByKey()) return;
    event.preventDefault();
    page.moveBy(...by);
  });
}

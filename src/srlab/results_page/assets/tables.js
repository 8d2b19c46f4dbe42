"use strict";
// Headings become buttons that sort their table, and a long table gets a field that filters its methods.

function sortable(table) {
  const body = table.tBodies[0];
  const headings = [...table.querySelectorAll("th[data-column]")];
  for (const heading of headings) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: heading.textContent });
    button.addEventListener("click", () => {
      const column = Number(heading.dataset.column);
      const opposite = { ascending: "descending", descending: "ascending" };
      const order = opposite[heading.getAttribute("aria-sort")] || heading.dataset.first;
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      body.append(...[...body.rows].sort((a, b) => compared(a.cells[column], b.cells[column], order)));
    });
    heading.replaceChildren(button);
  }
}

// Cells without a finite value come last in both orders.
function compared(a, b, order) {
  const sign = order === "ascending" ? 1 : -1;
  if (a.matches("th")) return sign * a.textContent.localeCompare(b.textContent, "en", { numeric: true });
  const [first, second] = [a, b].map((cell) => ("value" in cell.dataset ? Number(cell.dataset.value) : null));
  if (first === null || second === null) return (first === null) - (second === null);
  return sign * (first - second);
}

function filterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length <= 10) return;
  const label = Object.assign(document.createElement("label"), { className: "filter", textContent: "Methods with " });
  const input = Object.assign(document.createElement("input"), { type: "search", autocomplete: "off" });
  const count = Object.assign(document.createElement("output"), { textContent: `${rows.length} methods` });
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = wanted ? `${shown} of ${rows.length} methods` : `${rows.length} methods`;
  });
  label.append(input);
  const line = Object.assign(document.createElement("div"), { className: "filters" });
  line.append(label, count);
  table.parentElement.before(line);
}

for (const table of document.querySelectorAll("table.results")) {
  sortable(table);
  filterable(table);
}
for (const element of document.querySelectorAll(".scripted")) element.hidden = false;

// Ratings stay in this browser until the rater downloads them. STUDY comes from plan.js:
//   {id, raters: [[[trial, file, expected or null], ...], ...]}
"use strict";

const source = {
  number: 0,
  farewell: "You have rated every picture. Please download your ratings and send the file to the person who gave you this study.",

  get key() { return `ratings ${STUDY.id} ${source.number}`; },
  get trials() { return STUDY.raters[source.number - 1].map(([id, file, expected]) => ({ id, file, expected })); },
  get rated() { return JSON.parse(localStorage.getItem(source.key) || "[]"); },

  prepare() {
    document.getElementById("who").hidden = false;
    const input = document.getElementById("rater");
    input.max = STUDY.raters.length;
    input.value = location.hash.slice(1);
  },

  choose(text) {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1 || number > STUDY.raters.length) {
      throw new Error(`Your number is from 1 to ${STUDY.raters.length}. Load this page again to enter it.`);
    }
    source.number = number;
    location.hash = String(number);
    document.getElementById("save").hidden = false;
    document.getElementById("download").onclick = source.download;
  },

  image: (trial) => `images/${trial.file}.png`,

  async session() {
    const done = source.rated.length, trials = source.trials;
    return {
      rated: done,
      total: trials.length,
      calibration: trials.filter((trial) => trial.expected).length,
      trial: trials[done] || null,
      next: trials[done + 1] || null,
    };
  },

  async rate(id, rating) {
    const rated = source.rated; // another window may have gone on
    if (id === source.trials[rated.length]?.id) {
      rated.push({ trial: id, rating, time: new Date().toISOString() });
      localStorage.setItem(source.key, JSON.stringify(rated));
    }
    return source.session();
  },

  download() {
    const lines = source.rated.map(({ trial, rating, time }) => [STUDY.id, source.number, trial, rating, time].join(","));
    const text = ["study,rater,trial,rating,time", ...lines].join("\n") + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = `ratings-${String(source.number).padStart(2, "0")}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  },
};

// Ratings go to the server. What it has not acknowledged is sent again until it does.
"use strict";

const source = {
  image: (trial) => `${location.pathname}/images/${trial.id}`,

  session: () => source.ask("session"),

  rate: (id, rating) => source.ask("ratings", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ item: id, rating }),
  }),

  async ask(what, request = {}) {
    for (let wait = 250; ; wait = Math.min(2 * wait, 4000)) {
      let response = null;
      let answer = null;
      try {
        response = await fetch(`${location.pathname}/${what}`, { ...request, cache: "no-store" });
        answer = await response.json();
      } catch {
        response = null; // no answer, or half of one
      }
      if (response?.ok) return answer;
      // The server has this rating already: its answer was lost, or another window of this rater was faster.
      if (response?.status === 409) return answer.session;
      if (response && response.status < 500) throw new Error(answer.error);
      say("The server does not answer. Your rating is kept here and sent again …");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  },
};

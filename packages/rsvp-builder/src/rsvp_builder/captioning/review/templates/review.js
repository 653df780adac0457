// Verdicts on answers. The page stands on its own: nothing is fetched, and what the data set and the model say
// is only ever read as text.
(() => {
  "use strict";

  const body = document.body;
  const fail = (what) => { body.dataset.error = String(what); };
  addEventListener("error", (event) => fail(event.message));
  document.addEventListener("securitypolicyviolation", (event) => fail(event.violatedDirective));

  const byId = (id) => document.getElementById(id);
  const WORDS = { accept: "accepted", reject: "rejected", "": "" };

  // ---- What is decided: kept under the identity of the page, so that another page starts anew ------

  const PLACE = "rsvp-review:" + body.dataset.page;
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(PLACE) || "{}");
    localStorage.setItem(PLACE, JSON.stringify(kept));
  } catch {
    byId("forgets").hidden = false;
  }

  const cards = [...document.querySelectorAll(".card")].map((element) => {
    const key = element.dataset.key;
    const before = { verdict: element.dataset.verdict, note: element.dataset.note };
    return {
      element,
      key,
      before,
      now: Object.hasOwn(kept, key) ? { ...before, ...kept[key] } : { ...before },
      yes: element.querySelector(".yes"),
      no: element.querySelector(".no"),
      note: element.querySelector(".verdict textarea"),
      state: element.querySelector(".state"),
    };
  });

  const file = () => ({
    format: 1,
    page: body.dataset.page,
    data_set: body.dataset.name,
    verdicts: cards
      .filter((card) => card.now.verdict || card.now.verdict !== card.before.verdict || card.now.note !== card.before.note)
      .map((card) => ({
        key: card.key,
        row_id: card.element.dataset.row,
        verdict: card.now.verdict || null,
        note: card.now.note,
      })),
  });

  const keep = () => {
    const changed = cards.filter((card) => card.now.verdict !== card.before.verdict || card.now.note !== card.before.note);
    try {
      localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(changed.map((card) => [card.key, card.now]))));
    } catch {
      byId("forgets").hidden = false;
    }
  };

  // ---- What is shown -------------------------------------------------------------------------------

  let here = 0;
  let onlyOpen = false;

  const draw = (card) => {
    const { verdict, note } = card.now;
    card.element.classList.toggle("accept", verdict === "accept");
    card.element.classList.toggle("reject", verdict === "reject");
    card.yes.setAttribute("aria-pressed", String(verdict === "accept"));
    card.no.setAttribute("aria-pressed", String(verdict === "reject"));
    card.state.textContent = WORDS[verdict] ?? "";
    if (card.note.value !== note) card.note.value = note;
  };

  const count = () => {
    const of = (verdict) => cards.filter((card) => card.now.verdict === verdict).length;
    byId("yes").textContent = of("accept");
    byId("no").textContent = of("reject");
    byId("decided").textContent = cards.length - of("");
    byId("file").value = JSON.stringify(file(), null, 2);
  };

  const filter = () => {
    for (const card of cards) card.element.hidden = onlyOpen && card.now.verdict !== "";
    byId("none").hidden = cards.some((card) => !card.element.hidden);
  };

  const go = (to, scroll = true) => {
    if (!cards[to]) return;
    cards[here].element.classList.remove("here");
    here = to;
    cards[here].element.classList.add("here");
    if (scroll) {
      cards[here].element.scrollIntoView({ block: "nearest" });
      if (cards[here].element.offsetHeight > innerHeight) cards[here].element.scrollIntoView({ block: "start" });
      cards[here].element.focus({ preventScroll: true });
    }
  };

  // The next card that is shown, or -1.
  const next = (step) => {
    for (let to = here + step; cards[to]; to += step) if (!cards[to].element.hidden) return to;
    return -1;
  };

  const decide = (card, verdict) => {
    card.now.verdict = verdict;
    draw(card);
    keep();
    count();
  };

  // ---- What a person does --------------------------------------------------------------------------

  cards.forEach((card, number) => {
    const choose = (verdict) => { go(number, false); decide(card, card.now.verdict === verdict ? "" : verdict); };
    card.yes.addEventListener("click", () => choose("accept"));
    card.no.addEventListener("click", () => choose("reject"));
    card.note.addEventListener("focus", () => go(number, false));
    card.note.addEventListener("input", () => { card.now.note = card.note.value; keep(); count(); });
    draw(card);
  });

  const moves = { j: 1, k: -1 };
  const verdicts = { a: "accept", r: "reject", u: "" };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key in moves) {
      const to = next(moves[event.key]);
      if (to >= 0) go(to);
    } else if (event.key in verdicts) {
      const card = cards[here];
      if (!card || card.element.hidden) return;
      decide(card, verdicts[event.key]);
      const to = verdicts[event.key] ? next(1) : -1;
      if (to >= 0) go(to);
    } else if (event.key === "n") {
      cards[here]?.note.focus();
    } else return;
    event.preventDefault();
  });

  byId("open").addEventListener("click", (event) => {
    onlyOpen = !onlyOpen;
    event.currentTarget.setAttribute("aria-pressed", String(onlyOpen));
    filter();
    if (cards[here]?.element.hidden) {
      const first = cards.findIndex((card) => !card.element.hidden);
      if (first >= 0) go(first);
    }
  });

  byId("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file(), null, 2) + "\n"], { type: "application/json" }));
    link.download = "verdicts.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });

  count();
  filter();
  if (cards.length) go(0, false);
  body.dataset.ready = String(cards.length);
})();

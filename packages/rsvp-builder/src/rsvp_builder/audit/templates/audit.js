// Filters of the page of leaks. Nothing is fetched, and what the data sets say is only ever read as text.
(() => {
  "use strict";

  const body = document.body;
  const fail = (what) => { body.dataset.error = String(what); };
  addEventListener("error", (event) => fail(event.message));
  document.addEventListener("securitypolicyviolation", (event) => fail(event.violatedDirective));

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  const FACETS = ["kind", "splits", "orientation"];
  const search = byId("q");
  const boxes = all("fieldset[data-facet] input");
  const cards = all(".card").map((element) => ({
    element,
    values: Object.fromEntries(FACETS.map((facet) => [facet, element.dataset[facet]])),
    text: element.textContent.toLowerCase(),
  }));

  const wanted = () => {
    const state = { words: search.value.toLowerCase().split(/\s+/).filter(Boolean) };
    for (const facet of FACETS) state[facet] = new Set();
    for (const box of boxes) if (box.checked) state[box.name].add(box.value);
    return state;
  };

  const fits = (card, state, except) =>
    state.words.every((word) => card.text.includes(word)) &&
    FACETS.every((facet) => facet === except || !state[facet].size || state[facet].has(card.values[facet]));

  const filter = () => {
    const state = wanted();
    let shown = 0;
    for (const card of cards) {
      const fitting = fits(card, state);
      card.element.hidden = !fitting;
      shown += fitting;
    }
    for (const box of boxes) {
      const number = cards.filter((card) => card.values[box.name] === box.value && fits(card, state, box.name)).length;
      box.parentElement.querySelector(".n").textContent = number;
      box.parentElement.classList.toggle("zero", !number);
    }
    byId("shown").textContent = shown;
    byId("none").hidden = shown > 0;
    byId("clear").hidden = !state.words.length && !boxes.some((box) => box.checked);
    body.dataset.shown = shown;
  };

  // The filters are in the address, so that a view can be shared: #kind=near
  const readAddress = () => {
    const parameters = new URLSearchParams(location.hash.slice(1));
    for (const box of boxes) box.checked = parameters.getAll(box.name).includes(box.value);
    search.value = parameters.get("q") || "";
    byId("turn").checked = parameters.has("turn");
    turn();
    filter();
  };

  const writeAddress = () => {
    const parameters = new URLSearchParams();
    for (const box of boxes) if (box.checked) parameters.append(box.name, box.value);
    if (search.value) parameters.set("q", search.value);
    if (byId("turn").checked) parameters.set("turn", "1");
    const text = parameters.toString();
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  };

  const turn = () => body.classList.toggle("turned", byId("turn").checked);
  const clear = () => {
    for (const box of boxes) box.checked = false;
    search.value = "";
    filter();
    writeAddress();
  };

  for (const box of boxes) box.addEventListener("change", () => { filter(); writeAddress(); });
  search.addEventListener("input", () => { filter(); writeAddress(); });
  byId("turn").addEventListener("change", () => { turn(); writeAddress(); });
  byId("clear").addEventListener("click", (event) => { event.preventDefault(); clear(); });
  byId("reset")?.addEventListener("click", clear);
  addEventListener("hashchange", readAddress);

  if (matchMedia("(max-width: 60rem)").matches) byId("filters").open = false;
  readAddress();
  body.dataset.ready = String(cards.length);
})();

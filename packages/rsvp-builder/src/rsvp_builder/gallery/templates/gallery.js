// Filters, tabs and highlights of the gallery. The page stands on its own: nothing is fetched, and what
// the data set says is only ever read as text.
(() => {
  "use strict";

  const body = document.body;
  const fail = (what) => { body.dataset.error = String(what); };
  addEventListener("error", (event) => fail(event.message));
  document.addEventListener("securitypolicyviolation", (event) => fail(event.violatedDirective));

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  // ---- What there is -------------------------------------------------------------------------------

  const FACETS = ["source", "split", "task", "class"];
  const search = byId("q");
  const boxes = all("fieldset[data-facet] input");

  const cards = all(".card").map((element) => {
    const card = { element, body: element.querySelector(".body"), tabs: all("[role=tab]", element) };
    const heading = element.querySelector(".head").textContent;
    card.rows = all(".row", element).map((panel) => ({
      panel,
      tab: card.tabs.find((tab) => tab.dataset.row === panel.id),
      values: {
        source: [element.dataset.source],
        split: [element.dataset.split],
        task: [panel.dataset.task],
        class: JSON.parse(panel.dataset.classes),
      },
      text: (heading + " " + panel.textContent + " " + panel.dataset.classes).toLowerCase(),
    }));
    return card;
  });

  // ---- Tabs ----------------------------------------------------------------------------------------

  const select = (card, row) => {
    for (const tab of card.tabs) {
      const chosen = tab === row.tab;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    for (const other of card.rows) other.panel.hidden = other !== row;
    for (const svg of all("svg.marks", card.body)) svg.toggleAttribute("hidden", svg.dataset.row !== row.panel.id);
    card.chosen = row;
  };

  for (const card of cards) {
    card.chosen = card.rows[0];
    for (const row of card.rows) {
      const first = row.panel.querySelector(".line");
      if (first) first.tabIndex = 0; // the arrow keys reach the others
      row.tab.addEventListener("click", () => { release(card.body); select(card, row); });
      row.tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = card.rows[(card.rows.indexOf(row) + step + card.rows.length) % card.rows.length];
        release(card.body);
        select(card, next);
        next.tab.focus();
      });
    }
  }

  // ---- Filters -------------------------------------------------------------------------------------

  const wanted = () => {
    const state = { words: search.value.toLowerCase().split(/\s+/).filter(Boolean) };
    for (const facet of FACETS) state[facet] = new Set();
    for (const box of boxes) if (box.checked) state[box.name].add(box.value);
    return state;
  };

  const fits = (row, state, except) =>
    state.words.every((word) => row.text.includes(word)) &&
    FACETS.every((facet) => facet === except || !state[facet].size || row.values[facet].some((v) => state[facet].has(v)));

  const count = (state) => {
    for (const facet of FACETS) {
      const counts = new Map();
      for (const card of cards) {
        for (const row of card.rows) {
          if (fits(row, state, facet)) for (const value of row.values[facet]) counts.set(value, (counts.get(value) || 0) + 1);
        }
      }
      for (const box of boxes.filter((b) => b.name === facet)) {
        const number = counts.get(box.value) || 0;
        box.parentElement.querySelector(".n").textContent = number;
        box.parentElement.classList.toggle("zero", !number);
      }
    }
  };

  const filter = () => {
    const state = wanted();
    let shown = 0;
    for (const card of cards) {
      const fitting = card.rows.filter((row) => fits(row, state));
      card.element.hidden = !fitting.length;
      for (const row of card.rows) row.tab.classList.toggle("unfit", !fitting.includes(row));
      if (fitting.length) {
        shown += 1;
        if (!fitting.includes(card.chosen)) select(card, fitting[0]);
      }
    }
    count(state);
    byId("shown").textContent = shown;
    byId("none").hidden = shown > 0;
    byId("clear").hidden = !state.words.length && !boxes.some((box) => box.checked);
    body.dataset.shown = shown;
  };

  // The filters are in the address, so that a view can be shared: #task=region_caption&class=ship
  const readAddress = () => {
    const parameters = new URLSearchParams(location.hash.slice(1));
    for (const box of boxes) box.checked = parameters.getAll(box.name).includes(box.value);
    search.value = parameters.get("q") || "";
    filter();
  };

  const writeAddress = () => {
    const parameters = new URLSearchParams();
    for (const box of boxes) if (box.checked) parameters.append(box.name, box.value);
    if (search.value) parameters.set("q", search.value);
    const text = parameters.toString();
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  };

  const change = () => { filter(); writeAddress(); };
  const clear = (event) => {
    event.preventDefault(); // the button stands in the summary, which would fold
    for (const box of boxes) box.checked = false;
    search.value = "";
    change();
  };
  for (const box of boxes) box.addEventListener("change", change);
  search.addEventListener("input", change);
  byId("clear").addEventListener("click", clear);
  byId("reset").addEventListener("click", clear);
  addEventListener("hashchange", () => { if (location.hash !== "#cards") readAddress(); });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    event.preventDefault();
    search.focus();
  });

  for (const box of all("[data-show]")) {
    const show = () => body.classList.toggle("no-" + box.dataset.show, !box.checked);
    box.addEventListener("change", show);
    show(); // a reload may keep the state of the box
  }

  // ---- Highlights: a mark, its number and its line light up together ------------------------------

  const PARTS = ".mark, .tag, .line, .chip[data-mark]";
  const partAt = (target) => (target instanceof Element ? target.closest("[data-mark]") : null);
  const bodyOf = (part) => part.closest(".body");

  const light = (root, mark) => {
    for (const part of all(PARTS, root)) part.classList.toggle("on", mark !== null && part.dataset.mark === mark);
    for (const svg of all("svg.marks", root)) {
      svg.classList.toggle("focus", mark !== null && all(".mark", svg).some((part) => part.dataset.mark === mark));
    }
  };
  // A click pins a mark until the next one; hovering elsewhere shows another for as long as it lasts.
  const release = (root) => { delete root.dataset.pinned; light(root, null); };
  const settle = (root) => light(root, root.dataset.pinned || null);
  const reveal = (root, mark) => {
    const line = all(".line", root).find((part) => part.dataset.mark === mark && part.offsetParent);
    if (!line) return;
    const panel = line.closest(".row");
    const gap = line.getBoundingClientRect().top - panel.getBoundingClientRect().top;
    if (gap < 0 || gap > panel.clientHeight - line.offsetHeight) panel.scrollTop += gap - panel.clientHeight / 3;
  };

  document.addEventListener("pointerover", (event) => {
    const part = event.pointerType === "touch" ? null : partAt(event.target);
    if (part) light(bodyOf(part), part.dataset.mark);
  });
  document.addEventListener("pointerout", (event) => {
    const part = event.pointerType === "touch" ? null : partAt(event.target);
    if (part && partAt(event.relatedTarget) !== part) settle(bodyOf(part));
  });
  document.addEventListener("click", (event) => {
    const part = partAt(event.target);
    const root = part ? bodyOf(part) : event.target.closest("figure")?.parentElement;
    if (!root) return;
    const mark = part ? part.dataset.mark : undefined;
    if (mark === undefined || root.dataset.pinned === mark) return release(root);
    root.dataset.pinned = mark;
    light(root, mark);
    if (part.closest("svg")) reveal(root, mark);
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches(".line:focus-visible")) light(bodyOf(event.target), event.target.dataset.mark);
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.matches(".line")) settle(bodyOf(event.target));
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches(".line")) return;
    const lines = all(".line", event.target.closest(".row"));
    const here = lines.indexOf(event.target);
    const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: lines.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") event.target.click();
    else if (event.key === "Escape") release(bodyOf(event.target));
    else if (next === undefined) return;
    else if (lines[next]) {
      event.target.tabIndex = -1;
      lines[next].tabIndex = 0;
      lines[next].focus();
    }
    event.preventDefault();
  });

  // ---- Sizes: numbers and points keep their size on the screen ------------------------------------

  const measure = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const width = Number(target.style.getPropertyValue("--w"));
      if (contentRect.width) target.style.setProperty("--u", String(width / contentRect.width));
    }
  });
  for (const stage of all(".stage")) measure.observe(stage);

  // ---- Enlarge: the same picture and conversation, as large as the window --------------------------

  const dialog = byId("zoom");
  for (const card of cards) {
    const button = card.body.querySelector(".enlarge");
    const enlarge = () => {
      dialog.append(card.body);
      dialog.showModal();
      dialog.addEventListener("close", () => { card.element.append(card.body); button.focus(); }, { once: true });
    };
    button.addEventListener("click", (event) => { event.stopPropagation(); enlarge(); });
    card.body.querySelector(".stage").addEventListener("dblclick", () => { if (!dialog.open) enlarge(); });
  }
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());

  if (matchMedia("(max-width: 60rem)").matches) byId("filters").open = false;
  readAddress();
  body.dataset.ready = String(cards.length);
})();

"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const tip = byId("tip");

  // The titles become labels, so that the browser does not show its own tooltip beside ours.
  const rows = [...document.querySelectorAll("svg[data-row]")]
    .map((row) => [...row.querySelectorAll(".hit")])
    .filter((row) => row.length > 0);
  for (const row of rows) {
    for (const item of row) {
      const title = item.querySelector("title");
      item.setAttribute("aria-label", title.textContent);
      item.setAttribute("role", item.dataset.to ? "link" : "img");
      item.setAttribute("tabindex", "-1");
      title.remove();
    }
  }
  // Tab stops once in each chart and once in each histogram.
  const stop = (item) => item.closest(".chart, .histogram");
  const stops = new Map();
  const makeTabStop = (item) => {
    stops.get(stop(item))?.setAttribute("tabindex", "-1");
    stops.set(stop(item), item);
    item.setAttribute("tabindex", "0");
  };
  for (const row of rows) if (!stops.has(stop(row[0]))) makeTabStop(row[0]);

  const show = (item, x) => {
    tip.textContent = item.getAttribute("aria-label");
    tip.hidden = false;
    const at = item.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const seen = (v) => Math.min(Math.max(v, 0), innerWidth);
    const middle = x ?? (seen(at.left) + seen(at.right)) / 2;
    const left = Math.min(Math.max(middle - size.width / 2, 8), innerWidth - size.width - 8);
    const above = at.top - size.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above >= 4 ? above : at.bottom + 8}px`;
  };
  const hide = () => { tip.hidden = true; };
  const hit = (event) => event.target.closest?.(".hit");

  document.addEventListener("pointermove", (event) => {
    const item = hit(event);
    if (item) show(item, event.clientX);
    else if (!hit({ target: document.activeElement })) hide();
  });
  document.addEventListener("focusin", (event) => {
    const item = hit(event);
    if (!item) return hide();
    makeTabStop(item);
    show(item);
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, true);

  // Left and right move along a row, up and down to the item at the same time in the next row.
  const middle = (item) => {
    const at = item.getBoundingClientRect();
    return (at.left + at.right) / 2;
  };
  const nearest = (row, x) => row.reduce((best, item) => {
    const at = item.getBoundingClientRect();
    const off = x < at.left ? at.left - x : x > at.right ? x - at.right : 0;
    return off < best.off ? { item, off } : best;
  }, { item: row[0], off: Infinity }).item;
  const next = (item, key) => {
    const r = rows.findIndex((row) => row.includes(item)), row = rows[r], n = row.indexOf(item);
    switch (key) {
      case "ArrowLeft": return row[n - 1];
      case "ArrowRight": return row[n + 1];
      case "Home": return row[0];
      case "End": return row[row.length - 1];
      case "ArrowUp": return rows[r - 1] && nearest(rows[r - 1], middle(item));
      case "ArrowDown": return rows[r + 1] && nearest(rows[r + 1], middle(item));
    }
  };
  const follow = (item) => { if (item?.dataset.to) location.hash = item.dataset.to; };
  document.addEventListener("click", (event) => follow(hit(event)));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const item = hit(event);
    if (!item) return;
    if (event.key === "Enter") return follow(item);
    const to = next(item, event.key);
    if (!to) return;
    event.preventDefault();
    to.focus({ preventScroll: true });
    to.scrollIntoView({ block: "nearest", inline: "nearest" });
    show(to);
  });

  // A link may lead to an event of a kind that is not shown. The browser opens closed lists itself.
  const reveal = () => {
    const at = byId(location.hash.slice(1));
    if (!at) return;
    const kind = /^e-(\w+)$/.exec(at.className);
    if (kind) byId(`show-${kind[1]}`).checked = true;
    at.scrollIntoView({ block: "center" });
    if (!at.hasAttribute("tabindex")) at.setAttribute("tabindex", "-1");
    at.focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);

  for (const section of document.querySelectorAll("[data-chart]")) {
    const chart = section.querySelector(".chart"), inner = section.querySelector(".inner"), zoomed = section.querySelector("output");
    const buttons = [...section.querySelectorAll(".zoom button")];
    let zoom = 1;
    const set = (to) => {
      const center = (chart.scrollLeft + chart.clientWidth / 2) / chart.scrollWidth;
      zoom = Math.min(Math.max(to, 1), 32);
      inner.style.setProperty("--zoom", zoom);
      chart.scrollLeft = center * chart.scrollWidth - chart.clientWidth / 2;
      zoomed.textContent = `${zoom}×`;
      buttons[0].disabled = zoom === 1;
      buttons[1].disabled = zoom === 32;
    };
    for (const button of buttons) button.addEventListener("click", () => set(zoom * Number(button.dataset.by)));
    set(1);
    section.querySelector(".zoom").hidden = section.querySelector(".keys").hidden = false;
  }
  reveal();
})();

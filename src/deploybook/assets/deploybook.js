/* Filters the minute log, places the notes of figures, and names what the theme leaves unnamed. Pages are complete without it. */
(function () {
  "use strict";
  var all = function (selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); };

  function wake(log) {
    var form = log.querySelector(".db-log-filter"), who = form.querySelector("select"), find = form.querySelector("input");
    var buttons = all("button", form), shown = form.querySelector("output"), entries = all(".db-entries > li", log);
    var keyOnly = false, kinds = new Set();

    function fits(entry, kind) {
      return (!keyOnly || entry.classList.contains("db-key")) &&
        (!kinds.size || kind || kinds.has(entry.dataset.kind)) &&
        (!who.value || entry.dataset.people.split("|").indexOf(who.value) >= 0) &&
        (!find.value || entry.textContent.toLowerCase().indexOf(find.value.toLowerCase()) >= 0);
    }
    function show() {
      var count = 0;
      entries.forEach(function (entry) { var fit = fits(entry); entry.hidden = !fit; count += fit; });
      all(".db-phase", log).forEach(function (phase) {
        var list = phase.nextElementSibling, own = all("li", list), left = own.filter(function (li) { return !li.hidden; }).length;
        phase.hidden = list.hidden = !left;
        phase.querySelector("b").textContent = (left < own.length ? left + " of " : "") + own.length + (own.length === 1 ? " entry" : " entries");
      });
      buttons.forEach(function (button) {
        var what = button.dataset.show, kind = what.slice(5);
        if (what.indexOf("kind:") === 0) {
          button.setAttribute("aria-pressed", kinds.has(kind));
          button.querySelector("b").textContent = entries.filter(function (e) { return e.dataset.kind === kind && fits(e, true); }).length;
        } else if (what !== "clear") button.setAttribute("aria-pressed", (what === "key") === keyOnly);
      });
      shown.textContent = count + " of " + entries.length + " entries";
    }
    form.addEventListener("click", function (event) {
      var button = event.target.closest("button"), what = button && button.dataset.show;
      if (!what) return;
      if (what === "key" || what === "all") keyOnly = what === "key";
      else if (what === "clear") { keyOnly = false; kinds.clear(); who.value = find.value = ""; }
      else if (!kinds.delete(what.slice(5))) kinds.add(what.slice(5));
      show();
    });
    who.addEventListener("change", show);
    find.addEventListener("input", show);
    form.hidden = false;
    if (matchMedia("(max-width: 767px)").matches && log.querySelector(".db-key")) keyOnly = true;
    addEventListener("beforeprint", function () { keyOnly = false; kinds.clear(); who.value = find.value = ""; show(); });
    show();
  }

  function place(figure) {
    var tip = figure.querySelector(".db-tip"), at = figure.getBoundingClientRect();
    if (!tip) return;
    tip.classList.add("db-placed");
    var size = tip.getBoundingClientRect(), below = at.bottom + 6;
    tip.style.left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - size.width - 8)) + "px";
    tip.style.top = (below + size.height > innerHeight ? Math.max(8, at.top - size.height - 6) : below) + "px";
  }

  if (location.protocol === "file:") all(".md-search, .md-header__button[for='__search']").forEach(function (part) { part.hidden = true; });
  all(".db-log").forEach(wake);
  all(".db-figure").forEach(function (figure) { if (figure.scrollWidth > figure.clientWidth) figure.tabIndex = 0; });
  all(".db-figure-value").forEach(function (figure, number) {
    var tip = figure.querySelector(".db-tip");
    if (!tip) return;
    tip.id = "db-tip-" + number;
    tip.setAttribute("role", "tooltip");
    tip.previousElementSibling.setAttribute("aria-describedby", tip.id);
    ["mouseenter", "focusin"].forEach(function (name) { figure.addEventListener(name, function () { place(figure); }); });
    figure.addEventListener("keydown", function (event) { if (event.key === "Escape") document.activeElement.blur(); });
  });
  all(".db-table, .db-pre, .db-foreign").forEach(function (box) {
    var caption = box.querySelector("caption");
    if (box.scrollWidth <= box.clientWidth) return;
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", caption ? caption.textContent : "Text as it came");
  });
  all("[data-md-component=search][role=dialog]").forEach(function (box) { box.setAttribute("aria-label", "Search"); });
  all("nav:not([aria-label]):not([aria-labelledby])").forEach(function (nav, number) { nav.setAttribute("aria-label", "Navigation " + (number + 1)); });
  var way = all(".db-crumbs li").map(function (li) { return li.textContent; });
  var tabs = all(".md-tabs__item").filter(function (tab) { return way.indexOf(tab.textContent.trim()) >= 0; });
  if (tabs.length && !document.querySelector(".md-tabs__item--active")) tabs.pop().classList.add("md-tabs__item--active");
})();

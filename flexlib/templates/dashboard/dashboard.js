// Leads links and the address bar to the kernel, as the text of one hidden field; counts how old the figures are.
"use strict";
(() => {
  const main = document.querySelector("main"), status = document.getElementById("status");
  const TRIES = 3; // kernels asked after the first: a fault that comes back is said
  const STALE = 5; // seconds without a look after which the page says that it hears nothing
  let number = 0, heard = performance.now(), looked = "", waiting = location.search || "?", followed = false;

  // What the kernel had when it was made ready stands there, greyed, while scripts are loaded, and goes once it is asked.
  const early = document.querySelector(".dash-first");
  if (location.search) early?.remove();

  const findField = () => document.querySelector(".dash-asked input");
  const phone = matchMedia("screen and (max-width: 760px)"); // as the pages' style has it
  const ask = (query, take = "") => {
    const field = findField();
    if (!field) { waiting = query; return; }
    number += 1;
    field.value = `${number}|${phone.matches ? "narrow" : "wide"}|${take}|${query}`;
    for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, {bubbles: true}));
    main.setAttribute("aria-busy", "true");
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest('a[href^="?"]');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    followed = !link.dataset.take;
    ask(link.getAttribute("href"), link.dataset.take);
  });
  addEventListener("popstate", () => ask(location.search));
  phone.addEventListener("change", () => ask(location.search));

  // A bar leads where the line of the same name does. Each chart is one stop of the keyboard; arrows go from bar to bar.
  const findLink = (tip) => {
    const said = tip.slice(0, tip.lastIndexOf(": "));
    const links = [...document.querySelectorAll("#table-sums tbody a")];
    const ends = (link) => said === link.textContent.trim() || said.endsWith(`, ${link.textContent.trim()}`);
    return links.filter(ends).sort((one, other) => other.textContent.length - one.textContent.length)[0];
  };
  const lead = (chart) => {
    const bars = [...chart.querySelectorAll("path")].filter((bar) => bar.firstElementChild && findLink(bar.textContent));
    if (!bars.length) return;
    chart.setAttribute("role", "group");
    bars.forEach((bar, place) => {
      for (const [name, value] of [["role", "link"], ["aria-label", bar.textContent], ["class", "dash-bar-link"],
        ["tabindex", place ? -1 : 0]]) bar.setAttribute(name, value);
      bar.addEventListener("click", () => findLink(bar.textContent)?.click());
      bar.addEventListener("keydown", (event) => {
        const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
        if (event.key === "Enter") findLink(bar.textContent)?.click();
        const next = bars[place + step];
        if (!next) return;
        event.preventDefault();
        bar.setAttribute("tabindex", -1);
        next.setAttribute("tabindex", 0);
        next.focus();
      });
    });
  };
  document.addEventListener("click", (event) => {
    const line = event.target.closest && !event.target.closest("a, button") && event.target.closest("#table-sums tbody tr");
    if (line && !String(getSelection())) line.querySelector("a")?.click();
  });

  // Now and then, on a busy machine, the widgets' own scripts miss the kernel's widgets for good: another kernel is asked.
  const isBroken = () => [...main.querySelectorAll(":scope > div > .jupyter-widgets")].some(
    (one) => one.textContent.startsWith("Error displaying widget"));
  let isOver = false;
  const retry = () => {
    const tries = history.state?.tries || 0;
    isOver = true;
    if (tries < TRIES) { history.replaceState({tries: tries + 1}, ""); location.reload(); return; }
    early?.remove();
    status.className = "flex-alert bad";
    status.textContent = main.dataset.failed;
    main.removeAttribute("aria-busy");
  };

  let shown = null, led = null, saved = null;
  const update = () => {
    if (isOver) return;
    if (shown === null && isBroken()) { retry(); return; }
    const field = findField();
    if (field && waiting) { const query = waiting; waiting = ""; field.setAttribute("aria-hidden", "true"); ask(query); return; }
    const body = document.querySelector(".dash-shown");
    if (body && body !== shown) {
      const first = shown === null, query = body.dataset.view ? `?${body.dataset.view}` : location.pathname;
      shown = body;
      document.documentElement.lang = body.lang;
      const title = body.querySelector("h1");
      if (title) document.title = title.textContent.trim();
      if (first) { status.className = "flex-unseen"; if (history.state?.tries) history.replaceState(null, ""); }
      if (status.textContent !== document.title) status.textContent = document.title;
      if (!first && new URL(query, location).href !== location.href) history.pushState(null, "", query);
      if (followed && title) { title.tabIndex = -1; title.focus({preventScroll: true}); }
      followed = false;
    }
    const taken = document.querySelector(".dash-taken [data-asked]");
    if (taken && taken !== saved) {
      saved = taken;
      taken.querySelector("a").click();
      if (taken.dataset.asked === String(number)) main.removeAttribute("aria-busy");
    }
    const drawn = document.querySelector(".dash-drawn");
    if (drawn && drawn.dataset.asked === String(number)) { early?.remove(); main.removeAttribute("aria-busy"); }
    if (drawn && drawn !== led && document.querySelector("#table-sums")) {
      led = drawn;
      drawn.querySelectorAll("svg").forEach(lead);
    }
    const age = document.querySelector(".dash-age");
    if (age && age.dataset.look !== looked) { looked = age.dataset.look; heard = performance.now(); tick(); }
  };
  const tick = () => {
    const age = document.querySelector(".dash-age");
    main.classList.toggle("lost", false);
    if (!age) return;
    const seconds = Math.round((performance.now() - heard) / 1000), isLost = seconds > STALE;
    const said = (isLost ? age.dataset.lost : age.dataset.said).replace("{seconds}", seconds);
    if (age.textContent !== said) age.textContent = said;
    age.classList.toggle("lost", isLost);
    main.classList.toggle("lost", isLost);
  };
  new MutationObserver(update).observe(main, {childList: true, subtree: true, attributes: true, attributeFilter: ["data-look"]});
  setInterval(tick, 1000);
})();

/* What pages do beyond plain HTML. Everything works without it; nothing here is needed to buy. */
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* The number on the cart, from a cookie that scripts may read. */
  function showCartCount() {
    const match = document.cookie.match(/(?:^|;\s*)quintet_cart_count=(\d{1,4})/);
    const count = match ? Number(match[1]) : 0;
    for (const badge of all("[data-cart-count]")) {
      badge.textContent = count > 99 ? "99+" : String(count);
      badge.hidden = count === 0;
      badge.closest("a").setAttribute("aria-label", `Cart, ${count} ${count === 1 ? "item" : "items"}`);
    }
  }

  /* − and + around a number; with data-submit the form goes off shortly after the last press. */
  function growStepper(stepper) {
    const input = stepper.querySelector("input");
    const buttons = all("[data-step]", stepper);
    let timer;
    const settle = () => {
      const [low, high, now] = [Number(input.min), Number(input.max), Number(input.value)];
      for (const button of buttons) {
        button.disabled = Number(button.dataset.step) < 0 ? now <= low : now >= high;
      }
      if ("submit" in stepper.dataset && input.value !== input.defaultValue) {
        clearTimeout(timer);
        timer = setTimeout(() => input.form.requestSubmit(), 600);
      }
    };
    for (const button of buttons) {
      button.hidden = false;
      button.addEventListener("click", () => {
        Number(button.dataset.step) < 0 ? input.stepDown() : input.stepUp();
        settle();
      });
    }
    input.addEventListener("change", settle);
    settle();
  }

  /* Messages leave on their own, unless they tell of an error or someone is reading them. */
  function letFlashLeave(flash) {
    const leave = () => {
      flash.dataset.leaving = "";
      setTimeout(() => flash.remove(), 300);
    };
    flash.querySelector("[data-dismiss]").addEventListener("click", leave);
    if (flash.classList.contains("flash--error")) return;
    let timer = setTimeout(leave, 6000);
    for (const name of ["mouseenter", "focusin"]) flash.addEventListener(name, () => clearTimeout(timer));
    flash.addEventListener("mouseleave", () => { timer = setTimeout(leave, 3000); });
  }

  /*
    <section data-events-url="…/events" data-fragment-url="…/progress">: on every message the
    fragment is fetched again and put in place of what is inside. A message that the server names
    "end", or a fragment without data-live, ends the watch.
  */
  function watch(element) {
    const source = new EventSource(element.dataset.eventsUrl);
    let asked = 0;
    const refresh = async () => {
      const mine = ++asked;
      const answer = await fetch(element.dataset.fragmentUrl, { headers: { Accept: "text/html" } });
      if (!answer.ok || mine !== asked) return;
      element.innerHTML = await answer.text();
      if (!element.querySelector("[data-live]")) source.close();
      showCartCount();
    };
    source.onmessage = refresh;
    for (const name of (element.dataset.eventNames || "").split(" ").filter(Boolean)) {
      source.addEventListener(name, refresh);
    }
    source.addEventListener("end", () => { source.close(); refresh(); });
    addEventListener("pagehide", () => source.close());
  }

  /* Ask before what cannot be undone; never send a form twice. */
  function mindForms(event) {
    const form = event.target;
    if (form.dataset.confirm && !confirm(form.dataset.confirm)) {
      event.preventDefault();
      return;
    }
    if (form.method !== "post") return;
    if ("sent" in form.dataset) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "";
    for (const button of all("button[type=submit]", form)) button.dataset.busy = "";
  }

  /* A page taken from the back/forward cache shows the cart as it is now and takes forms again. */
  addEventListener("pageshow", () => {
    showCartCount();
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
    for (const button of all("[data-busy]")) delete button.dataset.busy;
  });
  addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of all("details.menu[open]")) menu.open = false;
  });
  addEventListener("submit", mindForms);
  all("[data-stepper]").forEach(growStepper);
  all("[data-flash]").forEach(letFlashLeave);
  all("[data-events-url]").forEach(watch);
  all("[data-focus]").forEach((element) => element.focus());
})();

/* Keeps the page fresh: asks for it again every few seconds and swaps only what has changed. */
"use strict";

const EVERY = 3000;
const status = document.getElementById("fresh");
const pause = document.querySelector("[data-pause]");
let paused = false;

async function refresh() {
  if (paused || document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
    if (answer.redirected || !answer.ok) throw new Error(answer.status);
    swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    status.classList.remove("old");
  } catch (error) {
    status.classList.add("old");
    if (!status.textContent.includes("no answer")) status.textContent += " There is no answer since.";
  }
}

function swap(fresh) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(old.id);
    // Whoever is about to press something keeps what is under the finger.
    if (now && now.innerHTML !== old.innerHTML && !old.contains(document.activeElement)) old.replaceChildren(...now.childNodes);
  }
  status.textContent = fresh.getElementById("fresh").textContent;
}

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
});
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, EVERY);

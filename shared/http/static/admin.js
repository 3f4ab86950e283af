/* What the panel's templates did with inline handlers (see shared/http/admin/nonces.py). */
"use strict";

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-press]");
  if (pressed) window[pressed.dataset.press]();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-go-to-value]")) window.location = event.target.value;
});

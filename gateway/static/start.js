// Opens Swagger UI on the merged document. `validatorUrl: null`: nothing is sent to other hosts.
window.addEventListener("load", () => {
  window.ui = window.SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    persistAuthorization: false,
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    onComplete: () => { nameTheFilter(); tellWhatIsStale(); },
  });
});

// A placeholder is no label: it is gone with the first letter, and not everybody is told of it.
function nameTheFilter() {
  const filter = document.querySelector(".operation-filter-input");
  if (filter) filter.setAttribute("aria-label", filter.placeholder);
}

// Operations of a service that does not answer are its last good ones; say so, and since when.
function tellWhatIsStale() {
  const document_ = window.ui.specSelectors.specJson().toJS();
  const stale = document_["x-stale"] || {};
  const away = document_["x-unavailable"] || [];
  if (away.length === 0) return;
  const words = away.map((name) => stale[name]
    ? `${name} does not answer since ${stale[name]}: what is shown is what it said before`
    : `${name} does not answer and is not shown`);
  const place = document.getElementById("stale");
  place.textContent = words.join("; ") + ".";
  place.hidden = false;
}

// What was typed goes along into the other language: the address has changed since the page was loaded.
document.addEventListener("htmx:after:request", () => {
  requestAnimationFrame(() => {
    for (const link of document.querySelectorAll(".languages a")) {
      link.search = location.search;
    }
  });
});

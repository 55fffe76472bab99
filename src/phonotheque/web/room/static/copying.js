// Shows a button beside what is there to be copied; without this, it can be selected.
for (const button of document.querySelectorAll("button[data-copies]")) {
  const text = document.getElementById(button.dataset.copies);
  const said = button.parentElement.querySelector("[role=status]");
  if (!text || !navigator.clipboard) continue; // browsers have it on secure pages only
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent.trim());
      said.textContent = said.dataset.said;
    } catch {
      getSelection().selectAllChildren(text); // to be copied by keyboard
    }
  });
}

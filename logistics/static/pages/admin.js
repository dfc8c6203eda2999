// A box that searches as one types (select2) is named by what is chosen in it, so an empty one has no name: add its
// label. Django makes these boxes when jQuery is ready, and again for each row that is added to a form.
function nameBoxes() {
  for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
    const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
    const box = select.nextElementSibling?.querySelector("[role=combobox]");
    const chosen = box?.querySelector("[role=textbox]");
    if (!label || !chosen) continue;
    label.id ||= `${select.id}_label`;
    box.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
    chosen.setAttribute("aria-labelledby", label.id);
  }
}
// On phones a row of a list is a card: its labels begin with a capital letter, as the heads of columns do.
addEventListener("DOMContentLoaded", () => {
  for (const { dataset } of document.querySelectorAll("[data-label]")) {
    dataset.label = dataset.label.charAt(0).toUpperCase() + dataset.label.slice(1);
  }
});
// Django warns beside each date that the reader's clock differs from the server's. Here every day is the charity's, and
// "Today" is its today, so there is nothing to warn of.
addEventListener("DOMContentLoaded", () => {
  if (window.DateTimeShortcuts) window.DateTimeShortcuts.addTimezoneWarning = () => {};
});
addEventListener("DOMContentLoaded", () => window.django?.jQuery?.(nameBoxes)); // after Django's own
document.addEventListener("formset:added", () => setTimeout(nameBoxes));

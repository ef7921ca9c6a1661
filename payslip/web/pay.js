// Comfort only: every page works without it.
"use strict";

// A form is sent once, however often the button is tapped.
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}

// Six digits are a whole PIN.
for (const form of document.querySelectorAll("form[data-send-full]")) {
  const field = form.querySelector("input.pin");
  const typed = () => {
    field.value = field.value.replace(/\D/g, "");
    if (field.value.length === field.maxLength) form.requestSubmit();
  };
  field.addEventListener("input", typed);
  if (field.value) typed(); // on a slow line somebody is faster than this script
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "已复制";
  });
}

// "This line" is already chosen in the form it leads to.
for (const link of document.querySelectorAll("a[data-line]")) {
  link.addEventListener("click", () => { document.getElementById("line").value = link.dataset.line; });
}

// A page that comes back from the browser's memory is asked for again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

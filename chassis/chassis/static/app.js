// A request that fails must not end in silence: htmx swaps nothing on an error, so say it where notices stand.
function say(text) {
  const template = document.createElement("div");
  template.className = "kern-alert kern-alert--danger";
  template.setAttribute("role", "alert");
  template.dataset.said = "";
  const header = document.createElement("div");
  header.className = "kern-alert__header";
  const icon = document.createElement("span");
  icon.className = "kern-icon kern-icon--danger";
  const title = document.createElement("span");
  title.className = "kern-title";
  title.textContent = text;
  header.append(icon, title);
  template.append(header);
  document.getElementById("notices").replaceChildren(template);
}

for (const event of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(event, () => say(document.body.dataset.away));
}

// What was answered says why: the heading of its page, and the sentence below.
document.addEventListener("htmx:responseError", (event) => {
  const page = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  const said = [...page.querySelectorAll("[data-error] h1, [data-error] .lead")].map((one) => one.textContent);
  say(said.join(". ") || document.body.dataset.away);
});

// The next answer that is none of these takes back what was said.
document.addEventListener("htmx:afterSwap", () => {
  document.querySelector("#notices [data-said]")?.remove();
});

// A form is sent once, however often its button is pressed. htmx has prevented the default of its own by now.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") {
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
  }
  form.dataset.sent = "true";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
  }
});

// What took long to fill in is not left behind without a question. The browser has the words for it.
let filled = null;
document.addEventListener("input", (event) => {
  filled = event.target.closest("form[data-keep]") ?? filled;
});
window.addEventListener("beforeunload", (event) => {
  if (filled && !filled.dataset.sent) {
    event.preventDefault();
  }
});

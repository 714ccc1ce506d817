// Sends JSON with the token in a header, and to this site alone.
function send(address, value, token) {
  return fetch(address, {
    method: "POST",
    mode: "same-origin",
    headers: {"X-CSRFToken": token, "Content-Type": "application/json"},
    body: JSON.stringify(value),
  });
}

// <body data-csrf-token="{{ csrf_token }}">
function tokenInPage() {
  return document.body.dataset.csrfToken;
}

// Of the last page that was loaded, in whatever tab.
function tokenInCookie() {
  const cookies = document.cookie.split("; ").map((cookie) => cookie.split("="));
  return new Map(cookies).get("csrftoken");
}

document.querySelector("#script form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const token = event.submitter.value === "page" ? tokenInPage() : tokenInCookie();
  const response = await send("/json/", {drink: form.elements.drink.value}, token);
  show(form.querySelector("output"), response.ok, await response.text());
});

function show(output, ok, text) {
  if (ok) {
    output.textContent = text;
  } else {
    // A refusal is a page for people; the reason is in it while DEBUG is on.
    const page = new DOMParser().parseFromString(text, "text/html");
    output.replaceChildren(page.querySelector("#reason") ?? "The server refused it.");
  }
}

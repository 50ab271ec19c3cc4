// A page that is no file gets index.html, so the address says what to show.
const pages = { "": "Home", about: "About" };
const page = location.pathname.split("/").pop();
const title = pages[page] ?? "There is no such page";
document.title = title;
document.querySelector("h1").textContent = title;

const form = document.querySelector("form");
form.hidden = page !== "";
form.onsubmit = async (event) => {
  event.preventDefault();
  const response = await fetch("greet", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  });
  const { greeting } = await response.json();
  document.querySelector("output").textContent = greeting;
};

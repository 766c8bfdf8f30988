// Makes elements. Text is only ever set as text, so nothing that a cloud says becomes HTML.
export const find = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export const row = (...cells) =>
  element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));

export function say(text) {
  find("notice").textContent = text;
}

// Opens a dialog; what it was closed with.
export function open(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
  });
}

export async function sure(question) {
  find("question").textContent = question;
  return (await open(find("ask"))) === "yes";
}

// Airflow shows this page in a frame that may not lead the window elsewhere, but its own page may.
export function link(href, text, title = "") {
  const made = element("a", { href, title }, text);
  made.addEventListener("click", (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    const own = window.parent.document.createElement("a");
    own.href = made.href;
    window.parent.document.body.append(own);
    own.click();
    own.remove();
  });
  return made;
}

const STEPS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

// How far a moment is from now, as in 3 h.
export function span(moment) {
  const seconds = Math.abs(Date.now() - Date.parse(moment)) / 1000;
  if (Number.isNaN(seconds)) return "";
  const [size, unit] = STEPS.find(([size]) => seconds >= size) ?? STEPS.at(-1);
  return `${Math.floor(seconds / size)} ${unit}`;
}

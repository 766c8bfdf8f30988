// Makes elements. Text is only ever set as text, so nothing that a cloud says becomes HTML.

/** @typedef {Node | string} Child */

/**
 * Finds what index.html has. What is no HTMLElement only needs to be told of.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function find(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`index.html lacks ${id}`);
  return /** @type {T} */ (found);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} attributes
 * @param {Child[]} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

/** @type {(...cells: Child[]) => HTMLTableRowElement} */
export const row = (...cells) =>
  element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));

/** @param {string} text */
export function say(text) {
  find("notice").textContent = text;
}

/** @param {unknown} error */
export function fail(error) {
  say(error instanceof Error ? error.message : String(error));
}

/**
 * Opens a dialog; what it was closed with.
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>}
 */
export function open(dialog) {
  dialog.returnValue = "";
  // It submits nothing: Enter in a field presses the first button that does.
  field(dialog, "cancel").onclick = () => dialog.close();
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
  });
}

/**
 * The field of a form, by its name.
 * @template {HTMLElement} [T=HTMLInputElement]
 * @param {HTMLDialogElement} dialog
 * @param {string} name
 * @returns {T}
 */
export function field(dialog, name) {
  return /** @type {T} */ (dialog.querySelector("form")?.elements.namedItem(name));
}

/**
 * Draws the rows of a table or a list anew, and leaves the focus where it is.
 * What looks the same has to do the same, for it is left as it is.
 * @param {HTMLElement} table
 * @param {string} key by which what may have the focus is known: a name of a data attribute
 * @param {Element[]} rows
 */
export function redraw(table, key, rows) {
  const active = document.activeElement;
  const focused = active instanceof HTMLElement ? active.dataset[key] : undefined;
  renew(table, rows);
  if (focused === undefined || document.activeElement === active) return;
  const same = table.querySelector(`[data-${key}="${CSS.escape(focused)}"]`);
  if (same instanceof HTMLElement) same.focus();
}

/**
 * Replaces those children that look different, of a row of a table only its cells.
 * @param {Element} parent
 * @param {Element[]} children
 */
function renew(parent, children) {
  const old = [...parent.children];
  children.forEach((child, place) => {
    if (!old[place]) parent.append(child);
    else if (old[place].isEqualNode(child)) return;
    else if (child instanceof HTMLTableRowElement) renew(old[place], [...child.cells]);
    else old[place].replaceWith(child);
  });
  for (const surplus of old.slice(children.length)) surplus.remove();
}

/** @param {string} question */
export async function sure(question) {
  find("question").textContent = question;
  return (await open(find("ask", HTMLDialogElement))) === "yes";
}

/**
 * Airflow shows this page in a frame that may not lead the window elsewhere, but its own page may.
 * @param {string} href
 * @param {string} text
 */
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

/** @type {[number, string][]} */
const STEPS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/**
 * How far a moment is from now, as in 3 h.
 * @param {string} moment
 */
export function span(moment) {
  const seconds = Math.abs(Date.now() - Date.parse(moment)) / 1000;
  if (Number.isNaN(seconds)) return "";
  const [size, unit] = STEPS.find(([size]) => seconds >= size) ?? STEPS[STEPS.length - 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

// The files of a store, a folder at a time, as it was when somebody last looked into it.
import { Problem, call, get } from "./api.js";
import { element, fail, find, redraw, row, say, span } from "./dom.js";
import { copy } from "./transfers.js";
import { size } from "./units.js";

/** @import { Entry, Listing, StorageService } from "./types" */

const PAGE = 100;
const parameters = new URLSearchParams(location.search);
const store = find("store", HTMLSelectElement);
const search = find("search", HTMLInputElement);
const [back, more] = [find("back", HTMLButtonElement), find("more", HTMLButtonElement)];
let path = canonical(parameters.get("path") ?? "");
let offset = 0;
let known = false;
let looking = false;

/** @returns {Promise<void>} */
export async function showFiles() {
  if (!store.value) await showStores();
  const asked = address();
  const listing = await listed(asked);
  // Another folder may have been opened meanwhile.
  if (asked !== address()) return;
  if (listing && listing.total && offset >= listing.total) {
    offset = 0;
    return showFiles();
  }
  known = listing !== null;
  describe(listing);
  redraw(find("files"), "file", (listing?.items ?? []).map(line));
  showWay();
}

export function watchFiles() {
  const form = find("folder");
  form.addEventListener("submit", (event) => event.preventDefault());
  store.addEventListener("change", () => open(""));
  search.addEventListener("input", () => turn(-offset));
  back.addEventListener("click", () => turn(-PAGE));
  more.addEventListener("click", () => turn(PAGE));
  find("look").addEventListener("click", look);
  find("copy").addEventListener("click", () => copy(place(), stores(), true));
}

const stores = () => [...store.options].map((option) => option.value);

/**
 * As the API tells it: one leading slash is no part of a name, a second one is.
 * @param {string} text
 */
function canonical(text) {
  const key = text.replace(/^\//, "").replace(/[^/]$/, "$&/");
  return key.startsWith("/") ? `/${key}` : key;
}

// As `cms` takes it: it drops one leading slash or `./`.
const place = () => `${store.value}:${path.startsWith("./") ? "/" : ""}${path}`;

function address() {
  const pages = { limit: String(PAGE), offset: String(offset) };
  const query = new URLSearchParams({ path, ...pages, name: search.value });
  return `storage/${encodeURIComponent(store.value)}/files?${query}`;
}

/**
 * None if nobody has looked into the folder.
 * @param {string} asked
 * @returns {Promise<Listing | null>}
 */
async function listed(asked) {
  try {
    return await get(asked);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 404) throw error;
    return null;
  }
}

async function showStores() {
  /** @type {StorageService[]} */
  const services = await get("storage");
  const chosen = store.value || parameters.get("store");
  const supported = services.filter((service) => service.supported);
  const first = supported.find((one) => one.name === chosen) ?? supported.find((one) => one.default);
  store.replaceChildren(
    ...supported.map((one) => new Option(one.name, one.name, false, one === first)),
  );
}

/** @param {Listing | null} listing */
function describe(listing) {
  const last = listing ? Math.min(offset + PAGE, listing.total) : 0;
  const cut = listing?.truncated ? " and more, which were not noted" : "";
  find("seen").textContent = listing
    ? `As of ${span(listing.taken_at)} ago`
    : "Nobody has looked into this folder yet: press Look.";
  find("range").textContent =
    listing && last ? `${offset + 1} to ${last} of ${listing.total}${cut}` : "none";
  back.disabled = offset === 0;
  more.disabled = !listing || last >= listing.total;
}

// The folders above this one, each a button.
function showWay() {
  const key = path.startsWith("/") ? path.slice(1) : path;
  /** @type {[string, string][]} */
  const steps = [["", store.value]];
  for (let end = key.indexOf("/"); end >= 0; end = key.indexOf("/", end + 1)) {
    const above = key.slice(0, end + 1);
    const name = above.slice(0, -1).split("/").pop() || "/";
    steps.push([above.startsWith("/") ? `/${above}` : above, name]);
  }
  const last = steps.length - 1;
  redraw(find("way"), "way", steps.map(([to, name], place) => step(to, name, place === last)));
}

// The button of the folder that is shown.
const here = () => /** @type {HTMLElement} */ (find("way").querySelector("li:last-child button"));

/**
 * @param {string} to
 * @param {string} name
 * @param {boolean} last
 */
function step(to, name, last) {
  const ariaCurrent = last ? "true" : null;
  const made = element("button", { type: "button", className: "way", ariaCurrent }, name);
  made.dataset.way = to;
  made.addEventListener("click", () => open(to));
  return element("li", {}, made);
}

/** @param {string} to */
async function open(to) {
  path = to;
  offset = 0;
  search.value = "";
  try {
    await showFiles();
  } catch (error) {
    fail(error);
    return;
  }
  // What was pressed is gone: who uses the keyboard goes on from the folder's name.
  if (document.activeElement === document.body) here().focus();
  if (!known) await look();
}

/** @param {number} entries */
function turn(entries) {
  offset = Math.max(0, offset + entries);
  showFiles().catch(fail);
}

async function look() {
  if (looking) return;
  looking = true;
  const folder = place();
  say(`${folder}: looking.`);
  try {
    const asked = `storage/${encodeURIComponent(store.value)}/listings?wait=20`;
    const job = await call("POST", asked, { path });
    say(`${folder}: ${OUTCOME[job.state] ?? "still looking, see Jobs."}`);
    await showStores();
  } catch (error) {
    fail(error);
  }
  looking = false;
  document.dispatchEvent(new Event("changed"));
}

/** @type {Record<string, string>} */
const OUTCOME = { success: "looked into.", failed: "that failed, the log of its job says why." };

/** @param {Entry} entry */
function line(entry) {
  const folder = entry.kind === "folder";
  return row(
    folder ? opener(entry) : element("span", { title: entry.name }, entry.name),
    folder ? "" : size(entry.size),
    element("span", { title: entry.modified }, entry.modified && `${span(entry.modified)} ago`),
    entry.problem || copier(entry, folder),
  );
}

/** @param {Entry} entry */
function opener(entry) {
  const made = element("button", { type: "button", className: "way" }, entry.name);
  made.dataset.file = `open ${entry.place}`;
  made.addEventListener("click", () => open(entry.path));
  return made;
}

/**
 * @param {Entry} entry
 * @param {boolean} folder
 */
function copier(entry, folder) {
  const made = element("button", { type: "button", ariaLabel: `Copy ${entry.name}` }, "Copy");
  made.dataset.file = `copy ${entry.place}`;
  made.addEventListener("click", () => copy(entry.place, stores(), folder));
  return made;
}

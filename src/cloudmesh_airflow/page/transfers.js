// The dialog that copies files to another store, and the table of transfers.
import { call, get } from "./api.js";
import { element, fail, field, find, link, open, redraw, row, say, sure } from "./dom.js";
import { size } from "./units.js";

/** @import { Transfer } from "./types" */

/** @type {Record<string, string>} */
const STATES = { done: "good", failed: "bad", interrupted: "bad" };

/**
 * Asks where to, and begins.
 * @param {string} source as SERVICE:PATH
 * @param {string[]} stores
 * @param {boolean} folder
 */
export async function copy(source, stores, folder) {
  const dialog = find("transfer", HTMLDialogElement);
  /** @type {HTMLSelectElement} */
  const store = field(dialog, "store");
  const [target, surplus] = [field(dialog, "path"), field(dialog, "delete")];
  const [service, path] = [source.split(":", 1)[0], source.slice(source.indexOf(":") + 1)];
  const other = stores.find((name) => name !== service);
  find("source").textContent = source;
  store.replaceChildren(...stores.map((name) => new Option(name, name, false, name === other)));
  target.value = path;
  surplus.checked = false;
  find("surplus").hidden = !folder;
  if ((await open(dialog)) !== "yes") return;
  const order = {
    source,
    target: `${store.value}:${target.value}`,
    verify: field(dialog, "verify").value,
    delete: folder && surplus.checked,
  };
  if (order.delete && !(await sure(`Delete in ${order.target} what is not in ${source}?`))) return;
  try {
    await call("POST", "transfers", order);
    say(`Copy of ${source} to ${order.target}: begun, see Transfers.`);
  } catch (error) {
    fail(error);
  }
  document.dispatchEvent(new Event("changed"));
}

export async function showTransfers() {
  /** @type {{ items: Transfer[] }} */
  const page = await get("transfers?limit=10");
  redraw(find("transfers"), "transfer", page.items.map(line));
}

/** @param {Transfer} transfer */
function line(transfer) {
  return row(
    element("span", { title: transfer.source }, transfer.source),
    element("span", { title: transfer.target }, transfer.target),
    element("span", { className: STATES[transfer.state] ?? "" }, transfer.state),
    element("span", { className: "told" }, ...progress(transfer)),
    new Date(transfer.began).toLocaleString(),
    log(transfer),
  );
}

/** @param {Transfer} transfer */
function progress(transfer) {
  const { files, bytes, files_known: known, bytes_known: all } = transfer;
  if (transfer.state === "running" && known !== null && all !== null) {
    // What is known of is not yet all while the source is being listed.
    const more = transfer.listed ? "" : "+";
    const bar = element("progress", { ariaLabel: `Copy to ${transfer.target}` });
    if (transfer.listed) Object.assign(bar, { max: all || 1, value: all ? bytes : 1 });
    return [bar, `${files} of ${known}${more} files, ${size(bytes)} of ${size(all)}${more}`];
  }
  const counts = { "there already": transfer.unchanged, deleted: transfer.deleted };
  const rest = Object.entries({ ...counts, failed: transfer.failed }).filter(([, count]) => count);
  const parts = [`${files} ${files === 1 ? "file" : "files"}, ${size(bytes)}`, ...rest.map(([what, count]) => `${count} ${what}`)];
  return [parts.join(", "), transfer.error && `: ${transfer.error}`];
}

/** @param {Transfer} transfer */
function log(transfer) {
  const [dag, run] = transfer.run.split("/");
  if (!run) return "";
  const path = `../../dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run)}`;
  const made = link(path, "log", transfer.run);
  made.dataset.transfer = transfer.id;
  return made;
}

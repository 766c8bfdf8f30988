// The dialog that copies files to another store, and the table of transfers.
import { call, get } from "./api.js";
import { element, find, link, open, row, say, sure } from "./dom.js";
import { size } from "./units.js";

const STATES = { done: "good", failed: "bad", interrupted: "bad" };
let shown = "";

// Asks where to, and begins. A place is SERVICE:PATH.
export async function copy(source, stores, folder) {
  const dialog = find("transfer");
  const fields = dialog.querySelector("form").elements;
  const [service, path] = [source.split(":", 1)[0], source.slice(source.indexOf(":") + 1)];
  const other = stores.find((name) => name !== service);
  find("source").textContent = source;
  fields.store.replaceChildren(...stores.map((name) => new Option(name, name, false, name === other)));
  fields.path.value = path;
  fields.delete.checked = false;
  find("surplus").hidden = !folder;
  if ((await open(dialog)) !== "yes") return;
  const order = {
    source,
    target: `${fields.store.value}:${fields.path.value}`,
    verify: fields.verify.value,
    delete: folder && fields.delete.checked,
  };
  if (order.delete && !(await sure(`Delete in ${order.target} what is not in ${source}?`))) return;
  try {
    await call("POST", "transfers", order);
    say(`Copy of ${source} to ${order.target}: begun, see Transfers.`);
  } catch (error) {
    say(error.message);
  }
  document.dispatchEvent(new Event("changed"));
}

export async function showTransfers() {
  const page = await get("transfers?limit=10");
  const text = JSON.stringify(page.items);
  if (text === shown) return;
  shown = text;
  const focused = document.activeElement?.dataset?.transfer;
  find("transfers").replaceChildren(...page.items.map(line));
  if (focused) find("transfers").querySelector(`[data-transfer="${CSS.escape(focused)}"]`)?.focus();
}

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

function progress(transfer) {
  const { files, bytes, files_known: known, bytes_known: all } = transfer;
  if (transfer.state === "running" && known !== null) {
    // What is known of is not yet all while the source is being listed.
    const more = transfer.listed ? "" : "+";
    const bar = element("progress", { ariaLabel: `Copy to ${transfer.target}` });
    if (transfer.listed) Object.assign(bar, { max: all || 1, value: all ? bytes : 1 });
    return [bar, ` ${files} of ${known}${more} files, ${size(bytes)} of ${size(all)}${more}`];
  }
  const counts = { "there already": transfer.unchanged, deleted: transfer.deleted };
  const rest = Object.entries({ ...counts, failed: transfer.failed }).filter(([, count]) => count);
  const parts = [`${files} files, ${size(bytes)}`, ...rest.map(([what, count]) => `${count} ${what}`)];
  return [parts.join(", "), transfer.error && `: ${transfer.error}`];
}

function log(transfer) {
  const [dag, run] = transfer.run.split("/");
  if (!run) return "";
  const path = `../../dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run)}`;
  const made = link(path, "log", transfer.run);
  made.dataset.transfer = transfer.id;
  return made;
}

// The table of VMs, its filters and its pages.
import { call, get, vmPath } from "./api.js";
import { element, fail, find, link, redraw, row, say, span, sure } from "./dom.js";
import { maySnooze, snoozeButton } from "./hours.js";

/** @import { CloudCount, Vm } from "./types" */

const PAGE = 50;
/** @type {Record<string, string>} */
const GOOD = { running: "good", failed: "bad", error: "bad" };
const filters = {
  cloud: find("cloud", HTMLSelectElement),
  state: find("state", HTMLSelectElement),
  name: find("name", HTMLInputElement),
};
const [previous, next] = [find("previous", HTMLButtonElement), find("next", HTMLButtonElement)];
const parameters = new URLSearchParams(location.search);
let offset = 0;

/** @returns {Promise<void>} */
export async function showVms() {
  const query = new URLSearchParams({ limit: String(PAGE), offset: String(offset) });
  for (const [key, field] of Object.entries(filters)) query.set(key, field.value);
  // Only by a link to the page: those that one DAG run booted.
  query.set("run", parameters.get("run") ?? "");
  /** @type {{ items: Vm[], total: number }} */
  const page = await get(`vms?${query}`);
  if (page.total && offset >= page.total) {
    offset = 0;
    return showVms();
  }
  const last = Math.min(offset + PAGE, page.total);
  find("position").textContent = page.total ? `${offset + 1} to ${last} of ${page.total}` : "none";
  previous.disabled = offset === 0;
  next.disabled = last >= page.total;
  redraw(find("vms"), "key", page.items.map(line));
}

export async function showClouds() {
  /** @type {CloudCount[]} */
  const clouds = await get("clouds");
  const states = [...new Set(clouds.flatMap((cloud) => Object.keys(cloud.states)))].sort();
  choices(filters.cloud, clouds.map((cloud) => cloud.name));
  choices(filters.state, states);
  const counted = clouds.filter((cloud) => cloud.vms);
  find("counts").textContent = counted.map(counts).join("; ") || "No VMs";
  find("cost").textContent = cost(counted);
  return clouds.map((cloud) => cloud.name);
}

/** @param {() => unknown} refresh */
export function watchFilters(refresh) {
  for (const [key, field] of Object.entries(filters)) {
    const wanted = parameters.get(key) ?? "";
    // What no VM has now is no choice of a list yet, and counts all the same.
    if (field instanceof HTMLSelectElement && wanted) choices(field, [wanted]);
    field.value = wanted;
  }
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("input", () => {
    offset = 0;
    refresh();
  });
  /** @type {(pages: number) => () => void} */
  const turn = (pages) => () => {
    offset = Math.max(0, offset + pages * PAGE);
    refresh();
  };
  previous.addEventListener("click", turn(-1));
  next.addEventListener("click", turn(1));
}

/** @param {CloudCount} cloud */
function counts(cloud) {
  const states = Object.entries(cloud.states).sort();
  return `${cloud.name}: ${states.map(([state, n]) => `${n} ${state}`).join(", ")}`;
}

/** @param {CloudCount[]} clouds */
function cost(clouds) {
  if (!clouds.length) return "";
  /** @type {(key: "cost_per_hour" | "unpriced") => number} */
  const sum = (key) => clouds.reduce((all, cloud) => all + cloud[key], 0);
  const unpriced = sum("unpriced") ? `, and ${sum("unpriced")} of unknown price` : "";
  return `${price(sum("cost_per_hour"))} USD an hour${unpriced}`;
}

/** @type {(dollars: number) => string} */
const price = (dollars) => String(Number(dollars.toFixed(4)));

/**
 * @param {HTMLSelectElement} select
 * @param {string[]} values
 */
function choices(select, values) {
  const known = [...select.options].map((option) => option.value);
  for (const value of values) {
    if (!known.includes(value)) select.add(new Option(value));
  }
}

/** @param {Vm} vm */
function line(vm) {
  return row(
    vm.cloud,
    element("span", { title: vm.name }, vm.name),
    element("span", { className: GOOD[vm.state] ?? "" }, vm.state),
    vm.public_ips.concat(vm.private_ips)[0] ?? "",
    element("span", { title: vm.created }, span(vm.created)),
    element("span", { title: vm.deadline }, deadline(vm)),
    vm.cost_per_hour === null ? "unknown" : price(vm.cost_per_hour),
    booted(vm),
    buttons(vm),
  );
}

/** @param {Vm} vm */
function deadline(vm) {
  if (!vm.deadline) return "";
  return Date.parse(vm.deadline) < Date.now() ? `${span(vm.deadline)} ago` : `in ${span(vm.deadline)}`;
}

/** @param {Vm} vm */
function booted(vm) {
  const [dag, run] = vm.run.split("/");
  if (!run) return "";
  const path = `../../dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run)}`;
  const made = link(path, dag, vm.run);
  made.dataset.key = `Run ${vm.cloud} ${vm.name}`;
  return made;
}

/** @param {Vm} vm */
function buttons(vm) {
  const cell = element("span");
  if (vm.state === "running") {
    cell.append(button(vm, "Stop", "POST", "stop"));
    if (maySnooze()) cell.append(snoozeButton(vm));
  } else cell.append(button(vm, "Start", "POST", "start"));
  cell.append(button(vm, "Delete", "DELETE", ""));
  return cell;
}

/**
 * @param {Vm} vm
 * @param {string} label
 * @param {string} method
 * @param {string} action
 */
function button(vm, label, method, action) {
  const made = element("button", { type: "button", ariaLabel: `${label} ${vm.name}` }, label);
  made.dataset.key = `${label} ${vm.cloud} ${vm.name}`;
  if (label === "Delete") made.className = "danger";
  made.addEventListener("click", async () => {
    if (action !== "start" && !(await sure(`${label} ${vm.name} on ${vm.cloud}?`))) return;
    try {
      await call(method, vmPath(vm, action));
      say(`${label} ${vm.name}: begun, see Jobs.`);
    } catch (error) {
      fail(error);
    }
    document.dispatchEvent(new Event("changed"));
  });
  return made;
}

// The table of VMs, its filters and its pages.
import { call, get, vmPath } from "./api.js";
import { element, find, link, row, say, span, sure } from "./dom.js";
import { maySnooze, snoozeButton } from "./hours.js";

const PAGE = 50;
const GOOD = { running: "good", failed: "bad", error: "bad" };
const filters = { cloud: find("cloud"), state: find("state"), name: find("name") };
const parameters = new URLSearchParams(location.search);
let offset = 0;
let shown = "";

export async function showVms() {
  const query = new URLSearchParams({ limit: PAGE, offset });
  for (const [key, field] of Object.entries(filters)) query.set(key, field.value);
  // Only by a link to the page: those that one DAG run booted.
  query.set("run", parameters.get("run") ?? "");
  const page = await get(`vms?${query}`);
  if (page.total && offset >= page.total) {
    offset = 0;
    return showVms();
  }
  const last = Math.min(offset + PAGE, page.total);
  find("position").textContent = page.total ? `${offset + 1} to ${last} of ${page.total}` : "none";
  find("previous").disabled = offset === 0;
  find("next").disabled = last >= page.total;
  // Redrawing what has not changed would take the focus from a person at the keyboard.
  const text = JSON.stringify([page.items, maySnooze()]);
  if (text === shown) return;
  shown = text;
  const focused = document.activeElement?.dataset?.key;
  find("vms").replaceChildren(...page.items.map(line));
  if (focused) find("vms").querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

export async function showClouds() {
  const clouds = await get("clouds");
  const states = [...new Set(clouds.flatMap((cloud) => Object.keys(cloud.states)))].sort();
  choices(filters.cloud, clouds.map((cloud) => cloud.name), parameters.get("cloud"));
  choices(filters.state, states, parameters.get("state"));
  const counted = clouds.filter((cloud) => cloud.vms);
  find("counts").textContent = counted.map(counts).join("; ") || "No VMs";
  find("cost").textContent = cost(counted);
  return clouds.map((cloud) => cloud.name);
}

export function watchFilters(refresh) {
  filters.name.value = parameters.get("name") ?? "";
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("input", () => {
    offset = 0;
    refresh();
  });
  const turn = (pages) => () => {
    offset = Math.max(0, offset + pages * PAGE);
    refresh();
  };
  find("previous").addEventListener("click", turn(-1));
  find("next").addEventListener("click", turn(1));
}

function counts(cloud) {
  const states = Object.entries(cloud.states).sort();
  return `${cloud.name}: ${states.map(([state, n]) => `${n} ${state}`).join(", ")}`;
}

function cost(clouds) {
  if (!clouds.length) return "";
  const sum = (key) => clouds.reduce((all, cloud) => all + cloud[key], 0);
  const unpriced = sum("unpriced") ? `, and ${sum("unpriced")} of unknown price` : "";
  return `${price(sum("cost_per_hour"))} USD an hour${unpriced}`;
}

const price = (dollars) => String(Number(dollars.toFixed(4)));

function choices(select, values, first) {
  const known = [...select.options].map((option) => option.value);
  for (const value of values) {
    if (!known.includes(value)) select.add(new Option(value, value, false, value === first));
  }
}

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

function deadline(vm) {
  if (!vm.deadline) return "";
  return Date.parse(vm.deadline) < Date.now() ? `${span(vm.deadline)} ago` : `in ${span(vm.deadline)}`;
}

function booted(vm) {
  const [dag, run] = vm.run.split("/");
  if (!run) return "";
  const path = `../../dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run)}`;
  return link(path, dag, vm.run);
}

function buttons(vm) {
  const cell = element("span");
  if (vm.state === "running") {
    cell.append(button(vm, "Stop", "POST", "stop"));
    if (maySnooze()) cell.append(snoozeButton(vm));
  } else cell.append(button(vm, "Start", "POST", "start"));
  cell.append(button(vm, "Delete", "DELETE", ""));
  return cell;
}

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
      say(error.message);
    }
    document.dispatchEvent(new Event("changed"));
  });
  return made;
}

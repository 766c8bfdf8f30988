// Office hours: the schedules, the week to come, and the VMs that are snoozed.
import { call, get, vmPath } from "./api.js";
import { element, fail, field, find, open, redraw, row, say, span } from "./dom.js";

/** @import { OfficeHours, Remembered, Schedule, Transition, Vm } from "./types" */

// The DAG runs every five minutes; a late one is nothing to worry about.
const LATE_SECONDS = 1200;
/** @type {Intl.DateTimeFormatOptions} */
const DATE = { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" };
const day = new Intl.DateTimeFormat(undefined, DATE);
/** @type {OfficeHours} */
let hours = { schedules: [], preview: [], vms: [] };

export async function showOfficeHours() {
  hours = await get("office-hours");
  find("told").replaceChildren(...told());
  redraw(find("schedules"), "key", hours.schedules.map(schedule));
  redraw(find("week"), "key", week());
  find("week-part").hidden = !hours.preview.length;
  const snoozed = hours.vms.filter((vm) => Date.parse(vm.snoozed_until) > Date.now());
  redraw(find("snoozed"), "key", snoozed.map(snoozedVm));
  find("snoozed-part").hidden = !snoozed.length;
}

// Says whether something may stop a VM, and gives the button against that.
export const maySnooze = () => hours.schedules.some((one) => one.enabled);

/** @param {Vm} vm */
export function snoozeButton(vm) {
  const made = element("button", { type: "button", ariaLabel: `Snooze ${vm.name}` }, "Snooze");
  made.dataset.key = `Snooze ${vm.cloud} ${vm.name}`;
  made.addEventListener("click", async () => {
    find("snooze-title").textContent = `Keep ${vm.name} running`;
    const dialog = find("snooze", HTMLDialogElement);
    if ((await open(dialog)) === "yes") await snooze(vm, field(dialog, "until").value.trim());
  });
  return made;
}

/**
 * @param {{ cloud: string, name: string }} vm
 * @param {string} until
 */
async function snooze(vm, until) {
  try {
    await call("POST", vmPath(vm, "snooze"), { until });
    say(`${until === "now" ? "End the snooze of" : "Snooze"} ${vm.name}: begun, see Jobs.`);
  } catch (error) {
    fail(error);
  }
  document.dispatchEvent(new Event("changed"));
}

function told() {
  if (!hours.as_of) return ["Not known yet: the DAG office_hours has not run."];
  const late = Date.now() - Date.parse(hours.as_of) > LATE_SECONDS * 1000;
  const text = `As read ${span(hours.as_of)} ago by the DAG office_hours. `;
  const warning = "Nothing is stopped or started until it runs again. ";
  return [
    text,
    late ? element("strong", { className: "bad" }, warning) : "",
    maySnooze() ? "" : "Nothing is scheduled: see office-hours.yaml.",
  ];
}

/** @param {Schedule} one */
function schedule(one) {
  const [action, at] = one.next.split(" ");
  return row(
    one.name,
    one.enabled ? one.now : "switched off",
    at ? `${action} ${moment(at)}` : "",
    one.weekdays.join(", "),
    `${one.start || "…"} to ${one.stop}`,
    one.timezone,
    [...one.vms, ...one.clouds.map((cloud) => `on ${cloud}`)].join(", "),
  );
}

// Days and times are those of the schedule's time zone, as people there read them.
function week() {
  /** @type {Map<string, Transition[]>} */
  const days = new Map();
  for (const one of hours.preview) {
    const date = one.at.slice(0, 10);
    days.set(date, [...(days.get(date) ?? []), one]);
  }
  return [...days].sort().map(([date, changes]) =>
    element(
      "li",
      {},
      element("h4", {}, day.format(Date.parse(date))),
      element("ul", {}, ...changes.map(change)),
    ),
  );
}

/** @param {Transition} one */
function change(one) {
  const title = `${new Date(one.utc).toLocaleString()} here`;
  return element("li", { title }, `${one.at.slice(11, 16)} ${one.action} ${one.schedule}`);
}

/** @param {Remembered} vm */
function snoozedVm(vm) {
  const end = element("button", { type: "button", ariaLabel: `End the snooze of ${vm.name}` }, "End");
  end.dataset.key = `End ${vm.cloud} ${vm.name}`;
  end.addEventListener("click", () => snooze(vm, "now"));
  const until = new Date(vm.snoozed_until).toLocaleString();
  return element("li", {}, `${vm.name} on ${vm.cloud} until ${until} `, end);
}

/** @type {(at: string) => string} */
const moment = (at) => `${day.format(Date.parse(at.slice(0, 10)))} ${at.slice(11, 16)}`;

// The table of the last jobs, and the form that boots VMs.
import { call, get } from "./api.js";
import { element, fail, field, find, link, open, redraw, row, say } from "./dom.js";

/** @import { Job } from "./types" */

/** @type {Record<string, string>} */
const STATES = { success: "good", failed: "bad" };

export async function showJobs() {
  /** @type {{ items: Job[] }} */
  const page = await get("jobs?limit=10");
  redraw(find("jobs"), "job", page.items.map(line));
}

/** @param {string[]} clouds */
export function watchBoot(clouds) {
  const dialog = find("boot", HTMLDialogElement);
  /** @type {HTMLSelectElement} */
  const choice = field(dialog, "cloud");
  for (const cloud of clouds) choice.add(new Option(cloud));
  const begin = find("new", HTMLButtonElement);
  begin.disabled = false;
  begin.addEventListener("click", async () => {
    if ((await open(dialog)) !== "yes") return;
    try {
      await call("POST", "vms", order(dialog));
      say("Boot: begun, see Jobs.");
    } catch (error) {
      fail(error);
    }
    document.dispatchEvent(new Event("changed"));
  });
}

/** @param {HTMLDialogElement} dialog */
function order(dialog) {
  /** @type {(name: string) => string} */
  const text = (name) => field(dialog, name).value.trim();
  return {
    cloud: text("cloud"),
    n: Number(text("n")),
    name: text("name"),
    flavor: text("flavor"),
    image: text("image"),
    hours: text("hours") ? Number(text("hours")) : null,
  };
}

/**
 * The VMs or the files that a job works on.
 * @param {Job["parameters"]} parameters
 */
function what({ names, name, n, source, target, service, path }) {
  if (source) return `${source} → ${target}`;
  return String(names ?? (service ? `${service}:${path}` : `${n ?? 1} ${name ?? ""}`));
}

/** @param {Job} job */
function line(job) {
  const { action } = job.parameters;
  // The API's address of a run begins where Airflow does; this page lies two levels below.
  const path = `../../dags/${job.dag}/runs/${encodeURIComponent(job.id.slice(job.dag.length + 1))}`;
  const log = link(path, "log");
  log.dataset.job = job.id;
  return row(
    new Date(job.created).toLocaleString(),
    String(action ?? job.dag.replace("vm_", "")),
    what(job.parameters),
    element("span", { className: STATES[job.state] ?? "" }, job.state),
    job.user,
    log,
  );
}

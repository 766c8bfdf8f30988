// The table of the last jobs, and the form that boots VMs.
import { call, get } from "./api.js";
import { element, find, link, open, row, say } from "./dom.js";

const STATES = { success: "good", failed: "bad" };

export async function showJobs() {
  const page = await get("jobs?limit=10");
  find("jobs").replaceChildren(...page.items.map(line));
}

export function watchBoot(clouds) {
  const dialog = find("boot");
  const fields = dialog.querySelector("form").elements;
  for (const cloud of clouds) fields.cloud.add(new Option(cloud));
  find("new").addEventListener("click", async () => {
    if ((await open(dialog)) !== "yes") return;
    try {
      await call("POST", "vms", order(fields));
      say("Boot: begun, see Jobs.");
    } catch (error) {
      say(error.message);
    }
    document.dispatchEvent(new Event("changed"));
  });
}

function order(fields) {
  const text = (name) => fields[name].value.trim();
  return {
    cloud: text("cloud"),
    n: Number(text("n")),
    name: text("name"),
    flavor: text("flavor"),
    image: text("image"),
    hours: text("hours") ? Number(text("hours")) : null,
  };
}

// The VMs or the files that a job works on.
function what({ names, name, n, source, target, service, path }) {
  if (source) return `${source} → ${target}`;
  return String(names ?? (service ? `${service}:${path}` : `${n ?? 1} ${name ?? ""}`));
}

function line(job) {
  const { action } = job.parameters;
  // The API's address of a run begins where Airflow does; this page lies two levels below.
  const path = `../../dags/${job.dag}/runs/${encodeURIComponent(job.id.slice(job.dag.length + 1))}`;
  return row(
    new Date(job.created).toLocaleString(),
    action ?? job.dag.replace("vm_", ""),
    what(job.parameters),
    element("span", { className: STATES[job.state] ?? "" }, job.state),
    job.user,
    link(path, "log"),
  );
}

// Fills the page and keeps it up to date while it is looked at.
import { showVmHours, watchDays } from "./chart.js";
import { say } from "./dom.js";
import { showFiles, watchFiles } from "./files.js";
import { showOfficeHours } from "./hours.js";
import { showJobs, watchBoot } from "./jobs.js";
import { watchTheme } from "./theme.js";
import { showTransfers } from "./transfers.js";
import { showClouds, showVms, watchFilters } from "./vms.js";

const EVERY = 5000;
// A day's bar grows slowly.
const SELDOM = 60_000;

async function tried(work) {
  try {
    await work();
  } catch (error) {
    say(error.message);
  }
}

async function refresh() {
  // First, as the row of a VM depends on whether something may stop it.
  await tried(showOfficeHours);
  await tried(() => Promise.all([showVms(), showJobs(), showClouds(), showFiles(), showTransfers()]));
}

const refreshChart = () => tried(showVmHours);

watchTheme();
watchFilters(refresh);
watchFiles();
watchDays(refreshChart);
document.addEventListener("changed", refresh);
for (const [show, pause] of [[refresh, EVERY], [refreshChart, SELDOM]]) {
  document.addEventListener("visibilitychange", () => document.hidden || show());
  setInterval(() => document.hidden || show(), pause);
}
await tried(async () => watchBoot(await showClouds()));
await Promise.all([refresh(), refreshChart()]);

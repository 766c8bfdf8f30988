// Fills the page and keeps it up to date while it is looked at.
import { showVmHours, watchDays } from "./chart.js";
import { fail } from "./dom.js";
import { showFiles, watchFiles } from "./files.js";
import { showOfficeHours } from "./hours.js";
import { showJobs, watchBoot } from "./jobs.js";
import { watchTheme } from "./theme.js";
import { showTransfers } from "./transfers.js";
import { showClouds, showVms, watchFilters } from "./vms.js";

const EVERY = 5000;
// A day's bar grows slowly.
const SELDOM = 60_000;

/** @param {() => Promise<unknown>} work */
async function tried(work) {
  try {
    await work();
  } catch (error) {
    fail(error);
  }
}

async function refresh() {
  // First, as the row of a VM depends on whether something may stop it.
  await tried(showOfficeHours);
  await tried(() => Promise.all([showVms(), showJobs(), showClouds(), showFiles(), showTransfers()]));
}

/**
 * Does it again and again, and at once when the page comes to be looked at.
 * @param {() => Promise<void>} show
 * @param {number} pause in milliseconds
 */
function again(show, pause) {
  document.addEventListener("visibilitychange", () => document.hidden || show());
  setInterval(() => document.hidden || show(), pause);
}

const refreshChart = () => tried(showVmHours);

watchTheme();
watchFilters(refresh);
watchFiles();
watchDays(refreshChart);
document.addEventListener("changed", refresh);
again(refresh, EVERY);
again(refreshChart, SELDOM);
await tried(async () => watchBoot(await showClouds()));
await Promise.all([refresh(), refreshChart()]);

// Fills the page and keeps it up to date while it is looked at.
import { say } from "./dom.js";
import { showFiles, watchFiles } from "./files.js";
import { showJobs, watchBoot } from "./jobs.js";
import { showTransfers } from "./transfers.js";
import { showClouds, showVms, watchFilters } from "./vms.js";

const EVERY = 5000;

async function refresh() {
  try {
    await Promise.all([showVms(), showJobs(), showClouds(), showFiles(), showTransfers()]);
  } catch (error) {
    say(error.message);
  }
}

watchFilters(refresh);
watchFiles();
document.addEventListener("changed", refresh);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => document.hidden || refresh(), EVERY);
try {
  watchBoot(await showClouds());
} catch (error) {
  say(error.message);
}
await refresh();

// The chart of the hours that VMs ran: bars for the eye, a table for everybody.
import { get } from "./api.js";
import { element, find, row } from "./dom.js";

/** @import { DayHours } from "./types" */

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = 6;
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
let shown = "";

export async function showVmHours() {
  /** @type {{ days: DayHours[] }} */
  const { days } = await get(`vm-hours?days=${find("days", HTMLSelectElement).value}`);
  const text = JSON.stringify(days);
  if (text === shown) return;
  shown = text;
  const clouds = [...new Set(days.flatMap((day) => Object.keys(day.clouds)))].sort();
  const most = Math.max(...days.map((day) => day.hours));
  find("hours-told").textContent = summary(days, most);
  find("chart").replaceChildren(bars(days, clouds, most));
  find("first-day").textContent = named(days[0]);
  find("legend").replaceChildren(...clouds.map(entry));
  find("hours-head").replaceChildren(head(clouds));
  find("hours-rows").replaceChildren(...days.toReversed().map((day) => line(day, clouds)));
}

/** @param {() => unknown} refresh */
export function watchDays(refresh) {
  find("days").addEventListener("change", refresh);
}

/** @type {(hours: number) => string} */
const told = (hours) => (hours > 0 && hours < 0.1 ? `< ${number.format(0.1)}` : number.format(hours));

/** @type {(day: DayHours) => string} */
const named = (day) => date.format(Date.parse(day.day));

/**
 * @param {DayHours[]} days
 * @param {number} most
 */
function summary(days, most) {
  const all = days.reduce((sum, day) => sum + day.hours, 0);
  return `${told(all)} hours in ${days.length} days, ${told(most)} on the fullest.`;
}

/**
 * @param {DayHours[]} days
 * @param {string[]} clouds
 * @param {number} most
 */
function bars(days, clouds, most) {
  const drawing = drawn("svg", { viewBox: `0 0 ${days.length * 10} 100`, preserveAspectRatio: "none" });
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", `Hours per day. ${summary(days, most)}`);
  days.forEach((day, place) => drawing.append(bar(day, place * 10, clouds, most)));
  return drawing;
}

/**
 * @param {DayHours} day
 * @param {number} x
 * @param {string[]} clouds
 * @param {number} most
 */
function bar(day, x, clouds, most) {
  const group = drawn("g", {});
  const title = drawn("title", {});
  title.textContent = `${named(day)}: ${told(day.hours)} h`;
  group.append(title);
  let top = 100;
  clouds.forEach((cloud, index) => {
    const height = most ? (100 * (day.clouds[cloud] ?? 0)) / most : 0;
    top -= height;
    const colour = `colour-${index % COLOURS}`;
    group.append(drawn("rect", { x: x + 1, y: top, width: 8, height, class: colour }));
  });
  return group;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function drawn(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/**
 * @param {string} cloud
 * @param {number} index
 */
function entry(cloud, index) {
  const mark = drawn("svg", { class: `mark colour-${index % COLOURS}`, viewBox: "0 0 1 1", "aria-hidden": "true" });
  mark.append(drawn("rect", { width: 1, height: 1 }));
  return element("li", {}, mark, cloud);
}

/** @param {string[]} clouds */
function head(clouds) {
  const cells = ["Day (UTC)", ...clouds, "All"];
  return element("tr", {}, ...cells.map((text) => element("th", { scope: "col" }, text)));
}

/** @type {(day: DayHours, clouds: string[]) => HTMLElement} */
const line = (day, clouds) =>
  row(named(day), ...[...clouds.map((cloud) => day.clouds[cloud] ?? 0), day.hours].map(told));
